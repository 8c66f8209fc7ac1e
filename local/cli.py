"""The `aiops` command: one module of `local.commands` per subcommand, found by its name.

Exit status: 0 good, 1 found a problem, 2 wrong usage.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from aiops.errors import AiopsError, Misconfigured
from aiops.plugins import available

_COMMANDS = "local.commands"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    parser = _parser(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(arguments)
    try:
        status: int = import_module(f"{_COMMANDS}.{options.command}").run(options)
    except AiopsError as error:
        sys.stderr.write(f"aiops {options.command}: {error}\n")
        return 2 if isinstance(error, Misconfigured) else 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; a command's module is imported only where its name is given."""
    parser = argparse.ArgumentParser(prog="aiops", description="AIOps functions on Knative")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    names = available(_COMMANDS)
    asked = next((each for each in arguments if not each.startswith("-")), None)
    for name in [asked] if asked in names else names:
        import_module(f"{_COMMANDS}.{name}").add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
