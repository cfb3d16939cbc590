"""Saving and resuming a run: one .npz file, replaced atomically after each generation.

The file holds a JSON header, all batches, the training rows where the workflow keeps some of them,
and all metrics; it holds no pickled objects. A run is
resumed only by the same configuration, and the number of generations is no part of that: a
finished run can be prolonged.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from modelcollapse._support.checks import Integers
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.files import check_writable, replacing
from modelcollapse.loop.batches import Batch, Form
from modelcollapse.loop.identity import shown

FORMAT = "modelcollapse run 2"
T = TypeVar("T")
Configuration = dict[str, Any]


@dataclass
class State:
    """What a run knows so far.

    Attributes
    ----------
    batches
        The rows of batch 1, 2, ...
    chosen
        The training rows of each finished generation, of a workflow that keeps some of them.
    records
        The metrics of each finished generation.
    warnings
        How often the estimator gave each warning.
    reasons
        Why a metric was not measured; not saved.
    generation
        The generation under way; not saved.
    model
        The last fitted model; not saved.
    """

    batches: list[Batch] = field(default_factory=list)
    chosen: list[Integers] = field(default_factory=list)
    records: list[dict[str, float]] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    generation: int = 1
    model: Any = None


class Checkpoint:
    """The file of one run.

    Parameters
    ----------
    path
        The file, in a folder that exists; None keeps nothing.
    configuration
        From a number of generations to everything that the run's numbers depend on until then, as
        JSON values. Of the list under "samples", one size for each generation of the run, only
        the part that both have is compared.
    generations
        Those of the run.
    form
        The form of the rows.

    Raises
    ------
    InvalidInput
        If the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        configuration: Callable[[int], Configuration],
        generations: int,
        form: Form,
    ) -> None:
        self._form = form
        try:
            self.path = None if path is None else Path(path)
        except TypeError as error:
            raise invalid("checkpoint", path, "give the path of a file") from error
        self._configuration = configuration
        self._saved = 0
        self._warnings: dict[str, int] = {}
        if self.path is None:
            return
        check_writable("checkpoint", self.path)
        self._here = configuration(generations)

    def load(self) -> State:
        """Return the saved state, or an empty one if there is no file yet.

        Raises
        ------
        InvalidInput
            If the file is damaged, or belongs to another configuration.
        """
        if self.path is None or not self.path.exists():
            return State()
        there = self._readable(lambda: _configuration(self.path))
        last = self._readable(lambda: len(there["samples"]))
        here = self._configuration(last)
        if there.get("columns") != here["columns"]:  # the rows are of another form
            self._refuse(_differences(there, here))
        state = self._readable(lambda: _read(self.path, self._form))
        self._refuse(_differences(there, here))
        self._saved, self._warnings = len(state.records), dict(state.warnings)
        return state

    def _refuse(self, different: list[str]) -> None:
        if different:
            raise InvalidInput(
                f"checkpoint = {str(self.path)!r} belongs to another run: {'; '.join(different)}; "
                "delete it or give another path"
            )

    def _readable(self, part: Callable[[], T]) -> T:
        """Return a part of the file, or raise InvalidInput: damage shows in many ways."""
        try:
            return part()
        except Exception as error:
            why = str(error) if "pickle" not in str(error) else "it is no file of arrays"
            raise InvalidInput(
                f"checkpoint = {str(self.path)!r} is damaged or not a checkpoint "
                f"({type(error).__name__}: {why}): delete it or give another path"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_configuration"}

    def save(self, state: State, outcome: str) -> None:
        """Write the finished generations; a file that has more of them is left as it is."""
        finished = len(state.records)
        if self.path is None or finished < max(self._saved, 1):
            return
        if finished > self._saved:  # later warnings belong to a generation that will be repeated
            self._saved, self._warnings = finished, dict(state.warnings)
        names = list(state.records[0])
        header = {
            "format": FORMAT,
            "configuration": self._here,
            "outcome": outcome,
            "metrics": names,
            "warnings": self._warnings,
        }
        batches, chosen = state.batches[:finished], state.chosen[:finished]
        arrays = {
            "header": np.array(json.dumps(header)),
            "metrics": np.array([[r[name] for name in names] for r in state.records]),
            "sizes": np.array([len(batch) for batch in batches]),
            "rows": self._form.packed(self._form.joined(batches)),
            "chosen_sizes": np.array([len(rows) for rows in chosen], dtype=np.int64),
            "chosen": np.concatenate([np.empty(0, np.int64), *chosen]),
        }
        _write(self.path, arrays)


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """Write the arrays, whole or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def _configuration(path: Any) -> Configuration:
    """Return the configuration in a file; any damage raises."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        header = json.loads(str(archive["header"]))
    if header["format"] != FORMAT:
        raise ValueError(f"format {header['format']!r}, wanted {FORMAT!r}")
    found: Configuration = header["configuration"]
    return found


def _read(path: Any, form: Form) -> State:
    """Return the state in a file; any damage raises."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        header = json.loads(str(archive["header"]))
        metrics, sizes = archive["metrics"], archive["sizes"]
        rows = form.unpacked(archive["rows"])
        chosen, counts = archive["chosen"], archive["chosen_sizes"]
    names = header["metrics"]
    if metrics.shape != (len(sizes), len(names)) or sizes.sum() != len(rows):
        raise ValueError(f"metrics {metrics.shape}, sizes {sizes.shape} and {len(rows)} rows")
    if len(counts) not in (0, len(sizes)) or counts.sum() != len(chosen):
        raise ValueError(f"training sets {counts.shape} of {chosen.shape} rows")
    trained = np.split(chosen, np.cumsum(counts)[:-1]) if len(counts) else []
    for total, kept in zip(np.cumsum(sizes), trained, strict=False):
        if kept.dtype.kind != "i" or not 0 <= kept.min() <= kept.max() < total:
            raise ValueError(f"a training set of {total} rows has other ones")
    records = [dict(zip(names, map(float, values), strict=True)) for values in metrics]
    cuts = np.split(np.arange(len(rows)), np.cumsum(sizes)[:-1])
    batches = [form.taken(rows, cut) for cut in cuts]
    return State(batches, trained, records, header["warnings"])


def _differences(there: Configuration, here: Configuration) -> list[str]:
    """Return one phrase for each entry that differs."""
    phrases = []
    for name in sorted({*there, *here}):
        old, new = there.get(name), here.get(name)
        if name == "samples" and isinstance(old, list) and isinstance(new, list):
            common = min(len(old), len(new))
            old, new = old[:common], new[:common]
        if old != new:
            phrases.append(f"{name} is {shown(old)} there and {shown(new)} here")
    return phrases
