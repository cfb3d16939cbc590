"""The command line: ``modelcollapse COMMAND``, one module of that name for each command."""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelcollapse._support.interruption import answered

if TYPE_CHECKING:
    from cyclopts import App

WRONG_USE = 2
MOST_SHOWN = 440  # characters of an error's message

COMMANDS = {
    "verify": """\
Verify the theorems of the ledger, or one loop; exit status 1 if a verdict is unexpected.

A row has what a theorem predicts and what is observed; the gap between them (of a law the largest
distance, of a bound what exceeds it) and the gap that is allowed, for chance or for rounding; and
how many near misses, wrong variants of the theorem, the same evidence rejects.

With a family, its loop (with a workflow of your own, too) is simulated and held against its
prediction: the options are those of `predict`.""",
    "theorems": "List the theorems of the ledger, search them by words, or show one in full.",
    "cite": (
        "List what to cite for a theorem or a command: the package, the paper and the sources."
    ),
    "predict": "Print what theory expects of a loop at each generation.",
    "advise": "Say what a loop loses, whether to keep its real rows, and how many more it needs.",
    "compare": "Say whether rows, such as synthetic ones, shrank compared with real rows.",
    "excess": "Print by how much any regular model's loss exceeds its best, at each generation.",
    "simulate": "Simulate independent replicates of a loop, exactly.",
    "run": "Fit, sample and refit any estimator, and follow what becomes of the data.",
    "sweep": """\
Compute every cell of a grid that a TOML file describes; exit status 1 if a cell failed.

The same command takes up a sweep that was stopped, and adds the cells of a file that has
grown. Results are in OUTPUT/results.parquet.""",
    "reproduce": """\
Compute and draw figures of Collapse or Thrive?, each with its theorem, data and caption.

OUTPUT/FIGURE/ gets every picture as PNG and PDF, the data as Parquet, figure.json with the
caption, and the sweeps, which the same command takes up where they were stopped.""",
    "report": """Write the ledger, its evidence and the figures as one HTML page that works offline.

The exit status is 1 if a verdict is unexpected.""",
    "diagnose": (
        "Say what happened in some runs, and by which of eight definitions they have collapsed."
    ),
    "language": """Train a language model on its own samples, generation after generation.

Every generation fine-tunes the same base model on the rows that the workflow chooses, is
judged on held-out real rows, and samples the next batch. The folder holds everything; the same
command resumes it after an interruption, and extends it with more generations, workflows or
seeds. With `accelerate launch -m modelcollapse language ...` it runs on several GPUs.""",
}

QUESTIONS = """\
How much real data must I keep?  advise
Is my loop collapsing?           diagnose
Did my rows shrink?              compare
Which theorem says so?           theorems"""
EXAMPLES = {  # of the commands that answer them, and of one number for all models
    "advise": "advise --real 50000 --synthetic 500000 --generations 12 --at-most 1.5",
    "diagnose": "diagnose losses.csv --generation step --run seed --by setting",
    "compare": "compare real.csv synthetic.csv --figure shrank.png",
    "theorems": "theorems KDE collapse replace",
    "excess": "excess --workflow accumulate --samples 1000 --generations 10 --first 0.12",
}
LOOPS = ("predict", "simulate", "verify")  # commands with the options of all families
COMPLETION = "Install completion for bash, zsh or fish (--shell NAME), and say where."


def _version() -> str:
    from modelcollapse import __version__

    return __version__


@cache
def app(family: str | None = None) -> "App":
    """Return the commands; what they need is imported as late as here, where signals are heard.

    With a family, the help of the commands on loops is on that family.
    """
    from cyclopts import App

    every = App(
        name="modelcollapse",
        help="Predict, simulate and verify self-consuming training loops.",
        help_epilogue=QUESTIONS,
        version=_version,
        help_format="plaintext",  # markdown takes as long to import as all the rest
        suppress_keyboard_interrupt=False,
    )
    for name, text in COMMANDS.items():
        # By its path: a command is imported when it is called, so that help costs nothing.
        path, more = f"modelcollapse.cli.{name}:{name}", {}
        if name != "language":  # which is an App itself
            more = {"help_format": "markdown", **_help(name, family)}
        every.command(path, name=name, help=text, **more)
    every.register_install_completion_command(help=COMPLETION)
    return every


def _help(command: str, family: str | None) -> dict[str, Any]:
    """Return how the help of a command ends, and what of it a family leaves out."""
    if command not in LOOPS:
        given = EXAMPLES.get(command)
        # An empty one, as that of the whole would be taken.
        return {"help_epilogue": f"Example: modelcollapse {given}" if given else ""}
    if family is None:
        return {
            "help_epilogue": f"The options of one family: modelcollapse {command} FAMILY --help"
        }
    from modelcollapse.cli.one_family import Formatter, example

    return {
        "help_epilogue": f"Example: {example(command, family)}",
        "help_formatter": Formatter(family),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done. 1: a verdict is not the expected one. 2: wrong use or input, said in one line on
    standard error. 130, 143, 129: ended by Ctrl-C, SIGTERM or SIGHUP, with what is finished kept.

    Without arguments it takes the process's, and such a signal ends the process.
    """
    for name in ("stdout", "stderr"):  # closed by who started this
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    if arguments is None:
        # A worker that has grown is replaced, which is nothing that the user can mend.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
    words = list(sys.argv[1:] if arguments is None else arguments)
    return answered(lambda: _run(words), program=arguments is None)


def _run(words: list[str]) -> int:
    from cyclopts import CycloptsError

    from modelcollapse._support.errors import ModelCollapseError

    try:
        status = _called(words)
        sys.stdout.flush()
    except ModelCollapseError as error:
        _say(_one_line(error))
        return WRONG_USE
    except CycloptsError as error:
        from modelcollapse.cli.wrong_use import told

        _say(_one_line(told(error)))
        return WRONG_USE
    except BrokenPipeError:
        # The reader has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError as error:
        less = "ask for fewer replicates, generations, columns or outcomes"
        _say(f"not enough memory; {less} ({_one_line(error)})")
        return WRONG_USE
    except (OSError, OverflowError) as error:
        # A full disk, or a problem too large for this machine.
        _say(_one_line(error) or type(error).__name__)
        if isinstance(error, OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG_USE
    return int(status or 0)


def _say(text: str) -> None:
    """Print the last word on standard error, if that is still there."""
    with suppress(OSError):
        print(f"modelcollapse: {text}", file=sys.stderr, flush=True)


def _called(words: list[str]) -> Any:
    """Run a command; what does not fit into memory fails here, and the system kills nothing."""
    from modelcollapse._support.memory import limited

    # A language model's libraries reserve more than they use.
    with nullcontext() if words[:1] == ["language"] else limited():
        return app(_family(words))(
            words, exit_on_error=False, print_error=False, result_action="return_value"
        )


def _family(words: list[str]) -> str | None:
    """Return the family that help is asked on."""
    if words[:1] and words[0] in LOOPS and not {"--help", "-h"}.isdisjoint(words):
        from modelcollapse.cli.one_family import asked

        return asked(words)
    return None


def _one_line(error: object) -> str:
    """Return an error's message in one line, of at most six on a narrow terminal."""
    from modelcollapse._support.errors import printable

    text = " ".join(printable(str(error)).split())
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[: MOST_SHOWN // 2]} ... {text[-MOST_SHOWN // 3 :]}"  # the remedy comes last
