"""The file of a monitor: sealed JSON, written whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, frozen
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.files import check_writable
from modelcollapse._support.sealed import read_json, write_json
from modelcollapse._support.strict_json import plain

FORMAT = 1
OF = "modelcollapse monitor"
HISTORY = ("generation", "rows", "estimate", "lower", "log_e_value", "p_value", "decidable")


@dataclass(frozen=True)
class State:
    """What a monitor knows; every update makes another one, or none.

    Attributes
    ----------
    log_bets
        The logarithm of what each player holds that has begun to bet, shape (players,).
    comparisons
        How many generations have been compared.
    reference
        The first generation's clipped losses or statistics; None if every update brings its own.
    history
        A row for each update, of what `HISTORY` names.
    alarmed_at
        The generation of the first alarm, or None.
    """

    log_bets: Floats
    comparisons: int = 0
    reference: Floats | None = None
    history: tuple[tuple[Any, ...], ...] = ()
    alarmed_at: int | None = None

    @property
    def p_value(self) -> float:
        """That of the last update."""
        return float(self.history[-1][HISTORY.index("p_value")]) if self.history else 1.0


def write(path: Path, settings: Mapping[str, Any], state: State) -> None:
    """Write a monitor's settings and state."""
    check_writable("path", path)
    write_json(path, {"format": FORMAT, "of": OF, "settings": settings, **plain(vars(state))})


def settings(path: Path) -> dict[str, Any]:
    """Return the settings of the monitor that a file holds."""
    return dict(_read(path)["settings"])


def read(path: Path, wanted: Mapping[str, Any]) -> State:
    """Return the state that a file holds, of a monitor with the wanted settings.

    Raises
    ------
    InvalidInput
        If the file is missing or damaged, or is of another monitor.
    """
    found = _read(path)
    for name, value in wanted.items():
        if (there := found["settings"][name]) != value:
            raise InvalidInput(
                f"{name} = {value!r} is not that of the monitor in {str(path)!r}, which has "
                f"{there!r}: give the same, or another file"
            )
    first = found["reference"]
    return State(
        np.array([float(one) for one in found["log_bets"]]),
        found["comparisons"],
        None if first is None else frozen(np.array(first, dtype=np.float64)),
        tuple(tuple(map(_number, row)) for row in found["history"]),
        found["alarmed_at"],
    )


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value


def _read(path: Path) -> dict[str, Any]:
    found = read_json(path, FORMAT)
    if found.get("of") != OF:
        raise InvalidInput(f"path = {str(path)!r} holds no monitor: give a file of Monitor.save")
    return found
