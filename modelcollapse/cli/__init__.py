"""The command line: ``modelcollapse COMMAND``, one module for each command."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from modelcollapse.cli.diagnose import diagnose
from modelcollapse.cli.language import app as language
from modelcollapse.cli.predict import predict
from modelcollapse.cli.report import report
from modelcollapse.cli.reproduce import reproduce
from modelcollapse.cli.run import run
from modelcollapse.cli.simulate import simulate
from modelcollapse.cli.sweep import sweep
from modelcollapse.cli.verify import verify
from modelcollapse.errors import ModelCollapseError

WRONG_USE, INTERRUPTED = 2, 130


def _version() -> str:
    from modelcollapse import __version__

    return __version__


app = App(
    name="modelcollapse",
    help="Predict, simulate and verify self-consuming training loops.",
    version=_version,
    suppress_keyboard_interrupt=False,
)
for command in (verify, predict, simulate, run, sweep, reproduce, report, diagnose):
    app.command(command)
app.command(language)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done. 1: a verdict is not the expected one. 2: wrong use or input, said in one line on
    standard error. 130: interrupted.
    """
    try:
        status = app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except (CycloptsError, ModelCollapseError) as error:
        print(f"modelcollapse: {_one_line(error)}", file=sys.stderr)
        return WRONG_USE
    except BrokenPipeError:
        # The reader has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError as error:
        less = "ask for fewer replicates, generations, columns or outcomes"
        print(f"modelcollapse: not enough memory; {less} ({_one_line(error)})", file=sys.stderr)
        return WRONG_USE
    except (OSError, OverflowError) as error:
        # A full disk, or a problem too large for this machine.
        print(f"modelcollapse: {_one_line(error) or type(error).__name__}", file=sys.stderr)
        if isinstance(error, OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG_USE
    except KeyboardInterrupt:
        print("modelcollapse: interrupted", file=sys.stderr)
        return INTERRUPTED
    return int(status or 0)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
