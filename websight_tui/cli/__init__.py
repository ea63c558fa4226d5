"""The command line: `main` parses, finds the command's module and turns our errors into one line and an exit status.

Each command is a module of this package with `add_parser(commands)` and `run(args) -> int`. Modules import what they
need inside `run`, so that `--help` and shell completion answer at once.

Exit status: 0 ok · 1 failed · 2 usage · 3 cannot connect · 4 verdict "will not fit".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from websight_tui.errors import AuthError, ConnectError, ConnectionLost, HostKeyError, WebsightError

OK, FAILED, USAGE, NO_CONNECTION, WILL_NOT_FIT = range(5)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after the program's name; those of the process if None.

    Returns: the exit status.
    """
    from websight_tui.cli.arguments import parse

    if "_ARGCOMPLETE" in os.environ:  # the shell asks what Tab could mean
        from websight_tui.cli.completing import complete
        from websight_tui.cli.parser import make_parser

        complete(make_parser())
    args = parse(sys.argv[1:] if argv is None else argv)
    try:
        return int(args.run(args))
    except WebsightError as exc:
        from websight_tui.cli.output import print_error

        print_error(exc, as_json=getattr(args, "json", False))
        return NO_CONNECTION if isinstance(exc, (ConnectError, AuthError, HostKeyError, ConnectionLost)) else FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # whoever read our output has gone (`… | head`); leave without a traceback from the interpreter's last flush
        sys.stdout = None
        return OK
    except Exception as exc:
        return _unexpected(exc)


def _unexpected(error: Exception) -> int:
    """A mistake of ours: said so, with the place, without the values of variables or anything a terminal would do."""
    import traceback

    from websight_tui.cli.output import say

    say("".join(traceback.format_exception(error)), file=sys.stderr)
    say("websight-tui met an error that it did not expect; please report the lines above.", file=sys.stderr)
    return FAILED
