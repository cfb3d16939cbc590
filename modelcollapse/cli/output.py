"""How commands show and write results."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from modelcollapse._support import csv_tables, sealed
from modelcollapse._support.errors import InvalidInput, printable
from modelcollapse._support.files import check_writable, replacing
from modelcollapse._support.sealed import frames
from modelcollapse._support.strict_json import plain
from modelcollapse._support.words import many
from modelcollapse.loop.written import beside, check_beside, write_beside

if TYPE_CHECKING:
    from rich.console import Console

ENDINGS = (".csv", ".parquet")
LOG_SECONDS = 10
FULL_WIDTH = 180  # columns where the output is not a terminal
# The option of every command that shows progress.
Quiet = Annotated[
    bool, Parameter(negative="", help="Show no progress; warnings and files written are said.")
]


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    print(_json(value))


def _json(value: Any) -> str:
    return json.dumps(plain(value), indent=1, allow_nan=False)


def console(*, error: bool = False) -> "Console":
    """Return a rich console on standard output or error."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else FULL_WIDTH
    # Names and cells are no markup: brackets are shown as they are.
    return Plain(stderr=error, width=width, highlight=False, markup=False, emoji=False)


@contextmanager
def progress(total: float, *, quiet: bool = False) -> Iterator[Callable[[float, str], None]]:
    """Give a function (done, what) that shows progress on standard error.

    On a terminal it is a bar that vanishes at the end; elsewhere, in a log, a line every
    LOG_SECONDS. Quiet, it is nothing.
    """
    if quiet:
        yield lambda done, what: None  # noqa: ARG005
        return
    if not sys.stderr.isatty():
        yield _logged(total)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (BarColumn(30), TaskProgressColumn(), TimeElapsedColumn())
    text = TextColumn("{task.description}", markup=False)
    with Progress(*columns, text, console=console(error=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, what: bar.update(task, completed=done, description=what)


def _logged(total: float) -> Callable[[float, str], None]:
    started = last = time.monotonic()

    def show(done: float, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LOG_SECONDS:
            last = now
            note(f"{done / total:4.0%} after {now - started:.0f} s: {what}")

    return show


def counted(show: Callable[[float, str], None], what: str) -> Callable[[int], None]:
    """Return a function of increments for a progress that wants totals."""
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        show(done, what)

    return advance


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output; the first column is left-aligned."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(printable(column), justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(printable, row))
    screen = console()
    screen.print(printable(title), soft_wrap=True)
    screen.width = 10_000  # a line too long for the screen is wrapped by it, not cut by us
    screen.print(table)


def number(value: float) -> str:
    """Return a number for a table."""
    return f"{value:.5g}"


def note(text: str) -> None:
    """Print a message on standard error."""
    print(printable(text), file=sys.stderr)


def check_table(path: Path, endings: Sequence[str] = ENDINGS, *, told: bool = False) -> None:
    """Raise unless a table can be written to `path`, before any work is done.

    `told` says that what it is of is written too, for CSV into a file beside it.
    """
    if path.suffix not in endings:
        raise InvalidInput(f"output = {str(path)!r}: the name must end in {' or '.join(endings)}")
    check_writable("output", path)
    if path.suffix == ".parquet":
        frames(purpose="writing Parquet")
    elif told:
        check_beside(path)


def write_table(
    path: Path, columns: Mapping[str, Any], *, finished: bool = True, of: str = ""
) -> bool:
    """Write columns of equal length as CSV or Parquet, whole or not at all, and say so.

    `of` is what `written.told` says of their experiment: it goes into the Parquet file, or into
    one beside the CSV file. What an interruption has left goes beside a table that is there
    already, which may be complete. Return whether it was written: after hours of work a full disk
    must not end the command.
    """
    count = max((len(column) for column in columns.values()), default=0)
    if not finished and path.exists():
        note(f"{path} stays as it was")
        if not count:
            return True
        names = (f"{path.stem}.interrupted{n or ''}{path.suffix}" for n in range(10**6))
        path = next(new for name in names if not (new := path.with_name(name)).exists())
    if not _kept(path, many(count, "row"), lambda: _write(path, columns, of)):
        return False
    if path.suffix == ".csv":
        try:
            write_beside(path, of)
            if of:
                note(f"wrote what it is of to {beside(path)}")
        except OSError as error:
            note(f"{str(beside(path))!r} cannot be written: {error}; diagnose will miss theorems")
    return True


def write_json(path: Path, value: Any) -> bool:
    """Write one JSON value, whole or not at all, and say so; return whether it was written."""

    def write() -> None:
        with replacing(path) as partial:
            partial.write_text(_json(value) + "\n", encoding="utf-8")

    return _kept(path, "one JSON object", write)


def _kept(path: Path, what: str, write: Callable[[], None]) -> bool:
    try:
        write()
    except OSError as error:
        note(f"output = {str(path)!r} cannot be written: {error}; what follows is all there is")
        return False
    note(f"wrote {what} to {path}")
    return True


def _write(path: Path, columns: Mapping[str, Any], of: str) -> None:
    if path.suffix == ".parquet":
        sealed.write_table(path, columns, of)
        return
    with replacing(path) as partial, partial.open("wb") as file:
        csv_tables.write(file, columns)
