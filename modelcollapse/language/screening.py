"""Which rows of a data set can be used, looked at as they are needed: looking is tokenising."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from modelcollapse._support.checks import Integers
from modelcollapse.language.rows import CHUNK, picked
from modelcollapse.language.template import Row

FEW = 50_000  # rows that are all looked at, so that what is left out of them is known
STEP = 256  # rows looked at together, at least
UNSEEN, USABLE = -1, 0

Troubles = Callable[[Sequence[Row]], list[str]]  # why each row cannot be used; "" where it can


class Screen:
    """What is known of the rows of a data set.

    Parameters
    ----------
    rows
        The rows.
    troubles
        Says why rows cannot be used.
    """

    def __init__(self, rows: Sequence[Row], troubles: Troubles) -> None:
        self.rows, self.troubles = rows, troubles
        self._reasons = [""]
        self._found = np.full(len(rows), UNSEEN, dtype=np.int8)

    def draw(self, count: int, rng: np.random.Generator) -> Integers:
        """Return the places of `count` usable rows, sorted, or of all if there are fewer.

        Every set of so many usable rows is as probable: of few rows it is drawn from all usable
        ones; of many, the usable ones are taken that come first in a random order, and no others
        are looked at.
        """
        if len(self.rows) <= FEW:
            usable = self.usable()
            return np.sort(usable[rng.permutation(len(usable))[:count]])
        order, found, place = rng.permutation(len(self.rows)), [np.empty(0, dtype=np.intp)], 0
        while (missing := count - sum(map(len, found))) > 0 and place < len(order):
            part = order[place : place + max(STEP, missing)]
            self._look(part)
            found.append(part[self._found[part] == USABLE][:missing])
            place += len(part)
        return np.sort(np.concatenate(found))

    def usable(self) -> Integers:
        """Return the places of all usable rows."""
        self._look(np.arange(len(self.rows)))
        return np.flatnonzero(self._found == USABLE)

    def left_out(self) -> str:
        """Return how many rows cannot be used, and why: of all if they are few, or looked at."""
        if len(self.rows) <= FEW:
            self._look(np.arange(len(self.rows)))
        seen = self._found[self._found != UNSEEN]
        counts = Counter(self._reasons[code] for code in seen[seen != USABLE])
        reasons = ", ".join(f"{n} {why}" for why, n in sorted(counts.items()))
        of = "of them" if len(seen) == len(self.rows) else f"of the {len(seen)} looked at"
        return f"{counts.total()} {of} left out" + (f": {reasons}" if reasons else "")

    def _look(self, places: Integers) -> None:
        new = places[self._found[places] == UNSEEN]
        for first in range(0, len(new), CHUNK):
            part = new[first : first + CHUNK]
            whys = self.troubles(picked(self.rows, part))
            self._reasons += [why for why in dict.fromkeys(whys) if why not in self._reasons]
            self._found[part] = [self._reasons.index(why) for why in whys]
