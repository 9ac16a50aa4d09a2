"""`python -m proxy.app`: one process of a running proxy."""

import sys

from proxy.app import main

sys.exit(main(sys.argv[1:]))
