"""The command line: one file per command, each an entry of `COMMANDS`, in the order of `--help`.

Exit codes: 0 fine, 1 found something or failed, 2 wrong usage or configuration. Errors are one line each on stderr, never a
traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module

import typer
from typer.exceptions import TyperException

from proxy.core.errors import TosProxyError

# Modules of this package; each offers `register(app)`.
COMMANDS = ("serve", "demo", "principal", "policy", "terms", "case", "detect", "reconcile", "ledger", "db", "config", "healthcheck")

POLICY_SCHEMA = "v1"


def _version(wanted: bool) -> None:
    if wanted:
        from proxy import __version__
        from proxy.ledger.record import RECORD_FORMAT

        print(f"tos-proxy {__version__} (record format v{RECORD_FORMAT}, policy schema {POLICY_SCHEMA})")
        raise typer.Exit


def build(named: str = "") -> typer.Typer:
    """The application with all commands, or with the one that is `named`: the others' modules cost a tenth of a second to load."""
    app = typer.Typer(
        name="tos-proxy",
        help="The terms-of-service compliance proxy for model APIs: every query recorded before it leaves.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    @app.callback()
    def options(
        version: bool = typer.Option(False, "--version", help="Show versions and exit.", callback=_version, is_eager=True),
    ) -> None:
        """The terms-of-service compliance proxy for model APIs: every query recorded before it leaves."""

    for name in (named,) if named in COMMANDS else COMMANDS:
        register: Callable[[typer.Typer], None] = import_module(f"proxy.cli.{name}").register
        register(app)
    return app


def main() -> None:
    """Entry point of `tos-proxy`; leaves with the exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command. Returns its exit code."""
    try:
        code = build(*arguments[:1])(args=arguments, prog_name="tos-proxy", standalone_mode=False)
    except typer.Exit as end:
        code = end.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except TyperException as error:
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError":  # the help, and no complaint
            print(error.format_message(), file=sys.stderr)
            return 2
        where = f" (see {context.command_path} --help)" if context is not None else ""
        code = _complain(f"{error.format_message().replace('Value error, ', '')}{where}", 2)
    except TosProxyError as error:
        code = _complain(str(error), 2 if type(error).__name__ == "ConfigurationError" else 1)
    except BrokenPipeError:
        # The reader of our output is gone; nothing more may be written to it, not even by the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    except OSError as error:
        code = _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    return code if isinstance(code, int) else 0


def _complain(text: str, code: int) -> int:
    for line in text.split("\n"):
        print(f"tos-proxy: {line}", file=sys.stderr)
    return code
