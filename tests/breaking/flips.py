"""One bit of a file is another: it is found and its file named, or it changes nothing.

Each kind of file that the package reads again is written once; then single bits are turned over,
and what reads the file is run. What came back has to be what was written. An error, or a message
that a file is damaged and made again, has to name that file.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import modelcollapse as mc
from modelcollapse import sweep
from modelcollapse._support.sealed import write_json
from modelcollapse.language.checkpoints import ABOUT, digest, whole_model
from modelcollapse.language.results import Results
from modelcollapse.loop.plain import Run
from modelcollapse.reproduce.report.figures import read_figures
from modelcollapse.sweep.store import Store
from tests.helpers.language_folders import small_run
from tests.helpers.report_inputs import figure

Say = Callable[[str], None]
GRID = {
    "model": {"family": "gaussian", "dim": [1, 2]},
    "workflow": {"name": ["replace", "accumulate"]},
    "samples": 6,
    "generations": 3,
    "replicates": 8,
    "runs": True,
}


class Sweep:
    """The folder of a sweep, with every replicate kept, taken up again."""

    def write(self, folder: Path) -> None:
        """Compute it."""
        sweep.run(sweep.Sweep.of(GRID), folder)
        (folder / "results.parquet").unlink()  # for others: it is written, and never read

    def read(self, folder: Path, say: Say) -> Any:
        """Return the summaries and the replicates."""
        cells = sweep.Sweep.of(GRID)
        sweep.run(cells, folder, found=say)
        tables = [Store(folder).table(cell, "runs") for cell in cells.cells]
        kept = [table.to_dict(as_series=False) for table in tables]
        (folder / "results.parquet").unlink()
        return repr((sweep.read(folder).to_dict(as_series=False), kept))


class Read(Sweep):
    """The same folder, read as it is."""

    def read(self, folder: Path, say: Say) -> Any:
        """Return the summaries."""
        del say
        return repr(sweep.read(folder).to_dict(as_series=False))


class Checkpoint:
    """The file of a run, prolonged."""

    def run(self, folder: Path, generations: int) -> Run:
        """Run the loop, or what is left of it."""
        given = mc.Gaussian(2), mc.Normal.standard(2), mc.Accumulate(), 6, generations
        return mc.run(*given, checkpoint=folder / "run.npz")

    def write(self, folder: Path) -> None:
        """Run three generations."""
        folder.mkdir()
        self.run(folder, 3)

    def read(self, folder: Path, say: Say) -> Any:
        """Run two more."""
        del say
        found = self.run(folder, 5)
        return {name: values.tolist() for name, values in found.metrics.items()}


class Language:
    """The folder of a language run, read for a report."""

    def write(self, folder: Path) -> None:
        """Write one by hand."""
        small_run(folder, seeds=(0,), workflows=("replace",), generations=2)

    def read(self, folder: Path, say: Say) -> Any:
        """Return everything in it."""
        del say
        found = Results.read(folder)
        parts = [(found.nats(*key).tolist(), found.samples(*key)) for key in found.records]
        about = dict(found.configuration), found.table()
        return json.dumps([about, parts, found.real(0), found.held_out()])


class Model:
    """A small checkpoint that was built here: damaged, it is built again."""

    def write(self, folder: Path) -> None:
        """Write one by hand."""
        folder.mkdir()
        (folder / "weights").write_bytes(np.random.default_rng(0).bytes(300))
        write_json(folder / ABOUT, {"files": {"weights": digest(folder / "weights")}})

    def read(self, folder: Path, say: Say) -> Any:
        """Return whether it is used as it is."""
        if not whole_model(folder):
            say(f"{folder / ABOUT}, {folder / 'weights'}: built again")
        return True


class Figure:
    """The folder of a figure, read for the report."""

    def write(self, folder: Path) -> None:
        """Write one by hand."""
        folder.mkdir()
        figure(folder, "budget")

    def read(self, folder: Path, say: Say) -> Any:
        """Return what the report shows."""
        del say
        return repr(read_figures(folder))


KINDS = (Sweep(), Read(), Checkpoint(), Language(), Model(), Figure())


def flips(count: int, seed: int, folder: Path) -> Iterator[str]:
    """Turn over single bits of files of all kinds in turn; yield what went wrong.

    Parameters
    ----------
    count
        The number of bits.
    seed
        Of the choice of files and bits.
    folder
        A new folder to work in.
    """
    dice, pristine = random.Random(seed), folder / "pristine"  # noqa: S311 - no secret
    pristine.mkdir(parents=True)
    for kind in KINDS:
        kind.write(pristine / type(kind).__name__)
    expected: dict[Any, Any] = {}
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        home = folder / f"{number}"
        shutil.copytree(pristine / type(kind).__name__, home)
        if kind not in expected:
            expected[kind] = kind.read(home, lambda _: None)
            shutil.rmtree(home)
            shutil.copytree(pristine / type(kind).__name__, home)
        files = sorted(path for path in home.rglob("*") if path.stat().st_size and path.is_file())
        file = dice.choice(files)
        data, bit = bytearray(file.read_bytes()), dice.randrange(8 * file.stat().st_size)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        if problem := _problem(kind, home, file, expected[kind]):
            yield f"{type(kind).__name__}: bit {bit} of {file.relative_to(home)}: {problem}"
        shutil.rmtree(home)


def _problem(kind: Any, home: Path, file: Path, expected: Any) -> str:
    """Return what is wrong with how a damaged file was read, or ""."""
    said: list[str] = []
    try:
        found = kind.read(home, said.append)
    except mc.InvalidInput as error:
        named = file.name in str(error) or str(file.parent) in str(error)
        return "" if named else f"another file is named: {error}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever comes is a defect; a panic is one
        return f"{type(error).__name__}: {error}"
    if found != expected:
        return "other numbers came back"
    if said and not any(str(file) in line or file.stem in line for line in said):
        return f"another file is named: {said}"
    return ""
