"""Saving and resuming a run: one .npz file, replaced atomically after each generation.

The file holds a JSON header, all batches and all metrics; it holds no pickled objects. A run is
resumed only by the same configuration, and the number of generations is no part of that: a
finished run can be prolonged.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.files import check_writable, replacing

FORMAT = "modelcollapse run 1"
Configuration = dict[str, Any]


@dataclass
class State:
    """What a run knows so far.

    Attributes
    ----------
    batches
        The rows of batch 1, 2, ...
    records
        The metrics of each finished generation.
    warnings
        How often the estimator gave each warning.
    generation
        The generation under way; not saved.
    model
        The last fitted model; not saved.
    """

    batches: list[Floats] = field(default_factory=list)
    records: list[dict[str, float]] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)
    generation: int = 1
    model: Any = None


class Checkpoint:
    """The file of one run.

    Parameters
    ----------
    path
        The file, in a folder that exists; None keeps nothing.
    configuration
        Everything that the run's numbers depend on, as JSON values. Of the list under
        "samples" only the part that both have is compared.

    Raises
    ------
    InvalidInput
        If the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None, configuration: Configuration) -> None:
        self.path = None if path is None else Path(path)
        self.configuration = configuration
        self._saved = 0
        self._warnings: dict[str, int] = {}
        if self.path is None:
            return
        check_writable("checkpoint", self.path)

    def load(self) -> State:
        """Return the saved state, or an empty one if there is no file yet.

        Raises
        ------
        InvalidInput
            If the file is damaged, or belongs to another configuration.
        """
        if self.path is None or not self.path.exists():
            return State()
        try:
            state, configuration = _read(self.path)
        except Exception as error:  # damage shows in many ways
            raise InvalidInput(
                f"checkpoint = {str(self.path)!r} is damaged or not a checkpoint "
                f"({type(error).__name__}: {error}): delete it or give another path"
            ) from error
        different = _differences(configuration, self.configuration)
        if different:
            raise InvalidInput(
                f"checkpoint = {str(self.path)!r} belongs to another run: {'; '.join(different)}; "
                "delete it or give another path"
            )
        self._saved, self._warnings = len(state.records), dict(state.warnings)
        return state

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
            "configuration": self.configuration,
            "outcome": outcome,
            "metrics": names,
            "warnings": self._warnings,
        }
        batches = state.batches[:finished]
        arrays = {
            "header": np.array(json.dumps(header)),
            "metrics": np.array([[r[name] for name in names] for r in state.records]),
            "sizes": np.array([len(batch) for batch in batches]),
            "rows": np.concatenate(batches),
        }
        _write(self.path, arrays)


def describe(value: Any) -> str:
    """Return a text that is the same for the same configuration in every process."""
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return f"array of shape {value.shape}, sha256 {digest}"
    parts: dict[str, Any]
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
    elif hasattr(value, "get_params"):
        parts = value.get_params(deep=False)
    elif "__repr__" not in _defined(value) and hasattr(value, "__dict__"):
        parts = vars(value)
    else:
        return _without_address(repr(value))
    inside = (
        f"{name}={describe(part) if _nested(part) else _without_address(repr(part))}"
        for name, part in sorted(parts.items())
    )
    return f"{type(value).__name__}({', '.join(inside)})"


def _defined(value: Any) -> set[str]:
    """Return the names that the value's classes define, other than object itself."""
    return {name for kind in type(value).__mro__[:-1] for name in vars(kind)}


def _nested(value: Any) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "get_params")


def _without_address(text: str) -> str:
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", text)


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """Write the arrays, whole or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> tuple[State, Configuration]:
    """Return the state and the configuration in a file; any damage raises."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        header = json.loads(str(archive["header"]))
        metrics, sizes, rows = archive["metrics"], archive["sizes"], archive["rows"]
    if header["format"] != FORMAT:
        raise ValueError(f"format {header['format']!r}, wanted {FORMAT!r}")
    names = header["metrics"]
    if metrics.shape != (len(sizes), len(names)) or rows.ndim != 2 or sizes.sum() != len(rows):
        raise ValueError(f"metrics {metrics.shape}, sizes {sizes.shape} and rows {rows.shape}")
    records = [dict(zip(names, map(float, values), strict=True)) for values in metrics]
    batches = np.split(rows, np.cumsum(sizes)[:-1])
    return State(batches, records, header["warnings"]), header["configuration"]


def _differences(there: Configuration, here: Configuration) -> list[str]:
    """Return one phrase for each entry that differs."""
    phrases = []
    for name in sorted({*there, *here}):
        old, new = there.get(name), here.get(name)
        if name == "samples" and isinstance(old, list) and isinstance(new, list):
            common = min(len(old), len(new))
            old, new = old[:common], new[:common]
        if old != new:
            phrases.append(f"{name} is {old} there and {new} here")
    return phrases
