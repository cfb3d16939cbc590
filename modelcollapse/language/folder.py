"""The folder of a run: what it is a run of, and its finished generations.

::

    RUN/run.json                          configuration, versions, machine
    RUN/held_out.parquet                  the held-out rows
    RUN/base/                             generation 0: the base's losses
    RUN/seed-0/real.parquet               batch 1
    RUN/seed-0/real/generation-001/       the fit to all of batch 1, shared by the workflows
    RUN/logs/                             tensorboard's files, if asked for
    RUN/seed-0/accumulate/generation-002/ samples.parquet, rejected.parquet, held_out.parquet,
                                          metrics.json, model/

A generation's folder appears when everything in it is on the disk, so a killed run leaves whole
generations, and the same command goes on with the next.
"""

import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from modelcollapse._support.checks import Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.files import clear, left_over, locked, replacing_folder
from modelcollapse._support.sealed import (
    DamagedError,
    read_json,
    read_table,
    write_json,
    write_table,
)
from modelcollapse.language import backend
from modelcollapse.language.template import Row
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.tracking import Tracking

FORMAT = 3  # 2 kept the texts of samples alone; its folders are read, and not gone on with
READ_FORMATS = (2, FORMAT)
BASE = "base"  # the folder of generation 0
TOKENS = "token_ids"  # the column of samples that holds their tokens, start and end included
NAMES = {  # what is written, as regular expressions, by folder
    "": r"run\.json|held_out\.parquet|base",
    "seed-*": r"(?:real|pool)\.parquet|cell-r[0-9]+-s[0-9]+",
    "seed-*/*": r"generation-[0-9]{3,}",
}
PACKAGES = ("modelcollapse", "torch", "transformers", "datasets", "accelerate", "numpy")
OPTIONAL = ("peft",)
REJECTED = "rejected.parquet"  # the first rejected samples of a generation
Record = dict[str, Any]
T = TypeVar("T")


class Folder:
    """A run's folder, new or to be resumed.

    Parameters
    ----------
    path
        The folder; it is made if it does not exist, and must be empty or a run's otherwise.
    configuration
        All that the run's numbers depend on.

    Raises
    ------
    InvalidInput
        If the folder cannot be used, or holds a run of another configuration.
    """

    def __init__(self, path: Path, configuration: Mapping[str, Any]) -> None:
        self.path = path
        self.configuration = json.loads(json.dumps(dict(configuration)))
        if backend.rank() == 0:
            self._open()
        backend.wait()

    def _open(self) -> None:
        about = self.path / "run.json"
        if about.exists():
            try:
                self._check(read_json(about, FORMAT))
            except DamagedError as error:  # nobody knows what the folder is a run of
                raise InvalidInput(
                    f"output = {str(self.path)!r}: {about.name} is damaged; give another folder, "
                    "or delete it"
                ) from error
            return
        if self.path.exists() and (
            not self.path.is_dir() or any(map(_foreign, self.path.iterdir()))
        ):
            raise InvalidInput(
                f"output = {str(self.path)!r} exists and is not the folder of a run: give another"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            machine = {
                "python": platform.python_version(),
                "platform": platform.platform(),
                "device": str(backend.device()),
                "threads": backend.thread_count(),
                **{package: version(package) for package in PACKAGES},
                **{package: version(package) for package in OPTIONAL if find_spec(package)},
            }
            started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            header = {"format": FORMAT, "configuration": self.configuration}
            write_json(about, {**header, "machine": machine, "started": started})
        except OSError as error:
            raise InvalidInput(
                f"output = {str(self.path)!r} cannot be written ({error}): give another folder"
            ) from error

    def _check(self, about: Mapping[str, Any]) -> None:
        there, here = about["configuration"], self.configuration
        different = [
            f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
            for name in sorted({*there, *here})
            if there.get(name) != here.get(name)
        ]
        if different:
            raise InvalidInput(
                f"output = {str(self.path)!r} holds another run: {'; '.join(different)}; give "
                "another folder, or delete it"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder, and clear what a killed one left half-written."""
        if backend.rank() != 0:
            yield
            return
        with locked(self.path, "language"):
            self.clear()
            yield

    def clear(self) -> None:
        """Remove what was not finished."""
        for part, names in NAMES.items():
            for folder in self.path.glob(part) if part else [self.path]:
                clear(folder, names)
        judged = [*self.path.glob("seed-*/**/held_out.parquet"), self.base / "held_out.parquet"]
        for finished in [path for path in judged if path.exists()]:
            if not (finished.parent / "metrics.json").exists():  # a person has removed it
                shutil.rmtree(finished.parent)

    @property
    def base(self) -> Path:
        """The folder of generation 0."""
        return self.path / BASE

    def generation(self, seed: int, chain: str, t: int) -> Path:
        """Return the folder of one generation, finished or not."""
        return self.path / f"seed-{seed}" / chain / f"generation-{t:03}"

    def finished(self, place: Path, announce: Callable[[str], None]) -> Record | None:
        """Return the metrics of a generation or cell, or None if it is to be done.

        One whose files are damaged is removed, and so done again.
        """
        try:
            if (record := read_record(place)) is None:
                return None
            sampled = "sampled" in record and record["outcome"] == "completed"
            names = ["held_out.parquet", *["samples.parquet"] * sampled]
            names += [REJECTED] * bool(record.get("rejected"))
            for name in names:
                read_table(place / name)
        except DamagedError as error:
            announce(f"damaged, and done again: {error}")
            if backend.rank() == 0:
                shutil.rmtree(place, ignore_errors=True)
            return None
        return record

    def tracking(self, place: Path, what: str, report_to: str) -> Tracking:
        """Return who hears of one generation or cell, and where a tracker's files on it go."""
        logs = self.path / "logs" / place.relative_to(self.path)
        return Tracking(report_to, f"{what} of {self.path.name}", logs)

    def rows(
        self,
        name: str,
        rows: Sequence[Row],
        announce: Callable[[str], None],
        argument: str = "data",
    ) -> None:
        """Write rows once; later they must be the same. `argument` is what chooses them."""
        path = self.path / f"{name}.parquet"
        if backend.rank() != 0:
            return
        there: list[Row] | None = None
        if path.exists():
            try:
                there = read_rows(path)
            except DamagedError as error:
                announce(f"damaged, and written again: {error}")
        if there is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_rows(path, rows)
        elif there != list(rows):
            raise InvalidInput(
                f"{argument}: {path} holds {len(there)} rows, and now there are {len(rows)}, not "
                "the same ones; ask for what the run began with, or give another folder"
            )


def check_space(path: Path, size: int, what: str) -> None:
    """Raise InvalidInput unless that many bytes are free where the folder is, or will be."""
    there = next((one for one in (path, *path.absolute().parents) if one.is_dir()), Path())
    free = shutil.disk_usage(there).free
    if free < size:
        raise InvalidInput(
            f"output = {str(path)!r}: {what} needs about {size / 2**20:,.0f} MiB and "
            f"{free / 2**20:,.0f} MiB are free; make room, keep fewer models, ask for fewer "
            "samples, or give another folder"
        )


def _foreign(path: Path) -> bool:
    """Return whether a file is none that a run which was killed as it began leaves."""
    return path.name != "lock" and not left_over(path, NAMES[""])


@contextmanager
def generation_folder(path: Path) -> Iterator[Path | None]:
    """Give a folder to fill on the first process, and None on the others; all wait for it."""
    if backend.rank() == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing_folder(path) as partial:
            yield partial
    else:
        yield None
    backend.wait()


def read_record(generation: Path) -> Record | None:
    """Return the metrics of a generation, or None if it is not finished."""
    path = generation / "metrics.json"
    if not path.exists():
        return None
    return read_json(path)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows of the same columns to a Parquet file of texts."""
    write_table(path, {key: [row[key] for row in rows] for key in rows[0]})


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a Parquet file of texts."""
    found: list[Row] = read_table(path).drop(TOKENS, strict=False).to_dicts()
    return found


def write_samples(path: Path, rows: Sequence[Row], tokens: Sequence[Sequence[int]]) -> None:
    """Write rows, and beside each the tokens that were sampled."""
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    write_table(path, {**columns, TOKENS: [list(ids) for ids in tokens]})


def read_tokens(path: Path) -> list[list[int]] | None:
    """Return the sampled tokens of each row of a file; None of one that holds texts alone."""
    table = read_table(path)
    if TOKENS not in table.columns:
        return None
    found: list[list[int]] = table[TOKENS].to_list()
    return found


def read_examples(path: Path, encoder: Encoder, rows: slice | Integers) -> list[list[int]]:
    """Return the tokens to train on of some rows: those sampled where they are kept.

    Others, and all where the encoder retokenises, are those that the text is encoded to.
    """
    tokens = None if encoder.retokenise else read_tokens(path)
    if tokens is None:
        return encoder.encode(_some(read_rows(path), rows))
    return _some(tokens, rows)


def read_given(
    path: Path, encoder: Encoder, rows: slice | Integers, examples: Sequence[Sequence[int]]
) -> list[int]:
    """Return how many tokens of some rows are their prompt, of those that are trained on."""
    return encoder.given(_some(read_rows(path), rows), examples)


def _some(values: list[T], chosen: slice | Integers) -> list[T]:
    return values[chosen] if isinstance(chosen, slice) else [values[i] for i in chosen]


def read_configuration(path: Path) -> Mapping[str, Any]:
    """Return what a folder is a run of.

    Raises
    ------
    InvalidInput
        If it is not the folder of a run, or of one that this version can read.
    """
    about = path / "run.json"
    if not about.is_file():
        raise InvalidInput(
            f"path = {str(path)!r} is not the folder of a run: it has no run.json; give the "
            "output folder of a run"
        )
    configuration: Mapping[str, Any] = read_json(about, READ_FORMATS)["configuration"]
    return configuration
