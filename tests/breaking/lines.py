"""Command lines, generated from the command tree: each ends with a status and a short message.

Every option of every command is drawn, with values of its kind and with others; some lines are
mistyped. So an option that is new is tried without a change here.
"""

import contextlib
import io
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclopts import App

from modelcollapse.cli import app, main
from modelcollapse.families.names import FAMILIES
from modelcollapse.workflows import BY_NAME

STATUSES = {0, 1, 2, 129, 130, 143}
SECONDS = 20  # for one line; then it is interrupted
LONGEST = 6 * 80  # characters of an error's message
CHEAP = {  # what keeps a valid line short
    "verify": ["gaussian", "--samples=5", "--generations=2", "--effect=0.5"],
    "predict": ["--samples=5", "--generations=3"],
    "simulate": ["--samples=5", "--generations=3", "--replicates=9"],
    "run": ["--samples=6", "--generations=2", "--estimator=gaussian", "--data=rows.csv"],
    "sweep": ["--plan"],
    "reproduce": ["--list"],
    "report": ["--verdicts=absent.json"],
    "language": ["--model=absent/model", "--generations=1"],
    "value": ["--model=absent/model"],
    "checkpoint": ["--output=rows.csv"],
}
WORDS = [
    *FAMILIES,
    *BY_NAME,
    "wine",
    "iris",
    "moons:30",
    "grammar",
    "all",
    "none",
    "scott",
    "random",
]
NUMBERS = ["0", "1", "2", "3", "5", "0.5", "0.25", "1.5", "-1", "2.5", "1e3", "7,8,9"]
ODD = [
    "",
    " ",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "-0.0",
    "1e-320",
    "1_0",
    "0x1",
    "\uff19",
    "é",
    "\x1b[31m",
    "a\nb",
]
ODD += [
    "9" * 30,
    "9" * 100,
    "[" * 50,
    "1,,2",
    ",",
    "--",
    "-",
    "=",
    "\udcff",
    "NaT",
    "True",
    "none=1",
]
FILES = [
    "rows.csv",
    "rows.parquet",
    "runs.csv",
    "grid.toml",
    "weights.csv",
    "absent.csv",
    "empty.csv",
]
FILES += [
    "text.csv",
    "deep.json",
    "dates.toml",
    "nested.toml",
    ".",
    "out.csv",
    "out.parquet",
    "out",
    "no/such/a.csv",
]

LIKELY = {
    "--family": [*FAMILIES],
    "--workflow": [*BY_NAME],
    "--file": ["runs.csv", "grid.toml", "dates.toml", "nested.toml"],
    "--bandwidth": ["0.5", "scott", "1:0.2", "0.5,0.4,0.3"],
}


def commands(root: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield each command's words and its options."""
    for name in root:
        if name.startswith("-"):
            continue
        command = root[name]
        options = [one for one in command.assemble_argument_collection() if one.names[0] != "*"]
        yield (*path, name), options
        yield from commands(command, (*path, name))


def lines(count: int, seed: int, folder: Path) -> Iterator[str]:
    """Try command lines; yield what went wrong.

    Parameters
    ----------
    count
        The number of lines.
    seed
        Of the lines.
    folder
        A new folder to work in.
    """
    dice, known, home = random.Random(seed), list(commands(app())), Path.cwd()  # noqa: S311
    _write(folder)
    os.chdir(folder)
    try:
        for number in range(count):
            line = _line(dice, *known[number % len(known)])
            if problem := _problem(line):
                yield f"{line}: {problem}"
    finally:
        os.chdir(home)


def _line(dice: random.Random, path: tuple[str, ...], options: list[Any]) -> list[str]:
    line = [*path, *CHEAP.get(path[-1], [])]
    positional = [option for option in options if option.index == 0 and option.required]
    if positional and dice.random() < 0.9:
        line.append(_value(dice, positional[0]))
    for option in dice.sample(options, min(dice.choice([0, 0, 1, 1, 2, 3, 5]), len(options))):
        name = dice.choice(option.names)
        if dice.random() < 0.03:
            name = name[:-1] or "-"
        if option.hint is bool or "bool" in str(option.hint):
            line.append(name)
        else:
            line.append(f"{name}={_value(dice, option)}")
    if dice.random() < 0.05:
        line.append(dice.choice([*ODD, *WORDS]))
    return line


def _value(dice: random.Random, option: Any) -> str:
    """Return a value of the option's kind, or of another."""
    kind, name = str(option.hint), option.names[0]
    if dice.random() < 0.1:
        return dice.choice(ODD)
    if name in LIKELY and dice.random() < 0.9:
        return dice.choice(LIKELY[name])
    if "Path" in kind or name in ("--data", "--test"):
        return dice.choice([*FILES, *FILES, *WORDS])
    if "int" in kind or "float" in kind:
        return dice.choice(NUMBERS)
    return dice.choice([*WORDS, *NUMBERS, *FILES, "a=1", "x.y.Z", "subprocess.Popen"])


def _problem(line: list[str]) -> str:
    out, err = io.StringIO(), io.StringIO()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(line)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever comes is a defect
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    last = (err.getvalue().splitlines() or [""])[-1]
    if status not in STATUSES:
        return f"status {status}"
    if status == 2 and not last.startswith("modelcollapse: "):
        return f"status 2 without a word: {last!r}"
    if len(last) > LONGEST or "Traceback" in err.getvalue():
        return f"a long message: {err.getvalue()[:300]!r}"
    said = (err.getvalue() + out.getvalue()).replace("\n", "")
    return "" if said.isprintable() else f"control characters: {said[:300]!r}"


def _write(folder: Path) -> None:
    """Write files for the commands: good ones and bad ones."""
    folder.mkdir(parents=True)
    rows = [f"{i % 7},{i * i % 5}" for i in range(30)]
    runs = [f"{r},{t},{1 + r * t / 9},{2 + t}" for r in range(4) for t in range(1, 4)]
    contents = {
        "rows.csv": "x,y\n" + "\n".join(rows) + "\n",
        "runs.csv": "replicate,generation,variance,loss\n" + "\n".join(runs) + "\n",
        "weights.csv": "1\n0.5,0.5\n0,0.5,0.5\n",
        "empty.csv": "",
        "text.csv": "x,y\na,b\n\x1b[31m,2\n",
        "grid.toml": 'samples = [5, 6]\nmodel = { family = "gaussian" }\n'
        'workflow = { name = "replace" }\ngenerations = 2\nreplicates = 3\n',
        "dates.toml": 'samples = 2020-01-01\nmodel = { family = "gaussian", dim = "a" }\n'
        'workflow = { name = "replace" }\n',
        "nested.toml": "samples = " + "[" * 2000 + "]" * 2000 + "\n",
        "deep.json": "[" * 5000,
    }
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "rows.parquet").write_bytes(b"PAR1 and no more")
    (folder / "out").mkdir()
