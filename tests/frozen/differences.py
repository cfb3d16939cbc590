"""What differs from the record, in words."""

import re
from typing import NamedTuple

import numpy as np

from tests.frozen.experiments import number_of
from tests.frozen.machine import foreign
from tests.frozen.observe import generations_kept, observed
from tests.frozen.scales import ELSEWHERE, ILL_CONDITIONED, PREDICTED, far

NOTHING = "nothing"


class Difference(NamedTuple):
    """One quantity of one loop that is not what it was."""

    chunk: str
    index: int
    case: str
    name: str
    where: str
    recorded: str
    now: str

    def __str__(self):
        number = number_of(self.chunk, self.index)
        return (
            f"experiment {number} ({self.chunk}, its number {self.index})\n  {self.case}\n"
            f"  {self.name}{self.where}\n  recorded {self.recorded}\n  now      {self.now}"
        )


def differences(chunk, record, order=None):
    """Do the loops of a record again, in any order, and return what differs."""
    indices = range(len(record.cases)) if order is None else order
    return changes(chunk, record, {index: observed(record.cases[index]) for index in indices})


def changes(chunk, former, now):
    """Return what differs between a record and new observations, by the loop's place."""
    exact = not foreign(former.machine)
    return [
        Difference(chunk, index, str(former.cases[index]), *parts)
        for index, new in now.items()
        for parts in compared(former.cases[index], former.observed[index], new, exact=exact)
        if exact or (chunk, index) not in ILL_CONDITIONED or not parts[0].startswith("simulate")
    ]


def compared(case, recorded, now, *, exact):
    """Yield name, place, recorded and new value of all that differs between two observations."""
    for name in sorted({*recorded, *now}):
        old, new = recorded.get(name, NOTHING), now.get(name, NOTHING)
        if isinstance(old, str) or isinstance(new, str):
            if not isinstance(old, str) or not isinstance(new, str) or old != new:
                yield name, "", _shown(old), _shown(new)
        elif old.shape != new.shape:
            yield name, ", its shape", str(old.shape), str(new.shape)
        else:
            wrong = _wrong(name, recorded, new, exact=exact)
            if wrong.any():
                place = tuple(np.argwhere(wrong)[0].tolist())
                where = f"{_where(case, name, place, old.shape)} ({wrong.sum()} of {wrong.size})"
                yield name, where, _number(old[place]), _number(new[place])


def _wrong(name, recorded, new, *, exact):
    if not name.startswith("simulate"):
        return far(name, recorded, new, PREDICTED)
    if exact:  # bits: a zero's sign, too
        return new.view(np.int64) != recorded[name].view(np.int64)
    return far(name, recorded, new, ELSEWHERE)


def _shown(value):
    return value if isinstance(value, str) else f"an array of shape {value.shape}"


def _number(value):
    return f"{value!r} = {float(value).hex()}"


def _where(case, name, place, shape):
    """Return the replicate and the generation of a place, or the place."""
    if name.startswith("simulate"):
        at = case.arguments()["at"][place[1]]
        more = f", column {place[2]}" if len(place) > 2 else ""
        return f", replicate {place[0] + 1}, generation {at}{more}"
    count = re.search(r"\bgenerations=(\d+)", case.experiment)
    kept = generations_kept(int(count[1]))
    if name.startswith(("expected", "variances")) and shape[0] == len(kept):
        return f", generation {kept[place[0]]}"
    return f", place {list(place)}" if place else ""
