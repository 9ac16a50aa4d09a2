"""`python -m proxy.cli`: the command without an installed script."""

from proxy.cli import main

main()
