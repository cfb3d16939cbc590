"""What is proved of an experiment's quantities, at each generation and in the long run."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.diagnosis.answer import Word
from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, predict
from modelcollapse.loop.fate import Fate

ERRORS = ("mise", "test_log_loss")
ABSORBING = ("replace", "accumulate", "sliding-window", "keep-real")


@dataclass(frozen=True)
class Proof:
    """A verdict with the theorem in words."""

    verdict: Word
    text: str


@dataclass(frozen=True, eq=False)
class Theory:
    """The exact predictions of an experiment, or none."""

    experiment: Experiment | None

    @cached_property
    def prediction(self) -> Prediction | None:
        """The prediction; its quantities are computed at the first look."""
        return None if self.experiment is None else predict(self.experiment)

    @property
    def curves(self) -> list[str]:
        """The quantities whose expectation is known at each generation."""
        return [] if self.prediction is None else list(self.prediction.expected)

    @property
    def names(self) -> list[str]:
        """The quantities that something is known of."""
        p = self.prediction
        return [] if p is None else list(dict.fromkeys([*p.expected, *p.fates, *p.limits]))

    def expected(self, name: str) -> Floats | None:
        """Return the expectation at each generation, shape (generations,), if it is known."""
        if self.prediction is None or name not in self.prediction.expected:
            return None
        values: Floats | None = _looked_up(self.prediction.expected, name)
        return values

    def limit(self, name: str) -> float | None:
        """Return the limit of the expectation, if it is known."""
        if self.prediction is None or name not in self.prediction.limits:
            return None
        value: float | None = _looked_up(self.prediction.limits, name)
        return value

    def fate(self, name: str) -> Fate | None:
        """Return what becomes of a quantity, if there is a theorem."""
        if self.prediction is None or name not in self.prediction.fates:
            return None
        fate: Fate | None = _looked_up(self.prediction.fates, name)
        return None if fate is None or fate.verdict == "undetermined" else fate

    def diverges(self, name: str) -> Proof | None:
        """Return whether the expectation of a risk grows without bound."""
        fate = self.fate(name)
        # An error that clumps explodes, as its bandwidth shrinks; a variance that clumps vanishes.
        if fate is not None and (fate.verdict != "clumps" or name in ERRORS):
            word: Word = "does not hold" if fate.verdict == "bounded" else "holds"
            rate = f" ({fate.rate})" if fate.rate else ""
            found = f"fates[{name!r}] is {fate.verdict!r}{rate}"
            return Proof(word, f"in expectation: {found}: {fate.reason}")
        if (limit := self.limit(name)) is not None:
            word = "holds" if np.isposinf(limit) else "does not hold"
            return Proof(word, f"limits[{name!r}] = {limit:.5g}: the expectation tends to it")
        return None

    def vanishes(self, name: str) -> Proof | None:
        """Return whether a variance tends to 0.

        An expectation that tends to 0 says so. One that does not says nothing of a typical run
        where every generation multiplies the variance: under replace the unbiased fit keeps its
        expected variance for ever while every run's tends to 0. There what is typical decides.
        """
        e, p = self.experiment, self.prediction
        if p is not None and name in p.typical and (fate := _looked_up(p.typical, name)):
            word: Word = "holds" if fate.verdict == "clumps" else "does not hold"
            return Proof(word, f"almost surely: {fate.reason}")
        proof, schedule = self._goes(name), e and e.schedule
        if proof or not schedule or schedule.rule != "fresh-data" or schedule.workflow.real == 1:
            return proof
        text = "fresh real rows differ in every generation with the same probability"
        return Proof("does not hold", f"almost surely it does not tend to 0: {text}")

    def _goes(self, name: str) -> Proof | None:
        if self.limit(name) == 0:
            return Proof("holds", f"limits[{name!r}] = 0: the expectation tends to 0")
        fate = self.fate(name)
        if fate is not None and fate.verdict == "clumps":
            rate = f" ({fate.rate})" if fate.rate else ""
            return Proof("holds", f"fates[{name!r}] is 'clumps'{rate}: {fate.reason}")
        return None

    def absorbs(self) -> bool:
        """Return whether a variance of 0 stays, for ever; True where no experiment is known."""
        e = self.experiment
        return e is None or e.schedule.rule in ABSORBING

    def never_invents(self) -> bool:
        """Return whether no generation can sample what the truth does not have."""
        return self.prediction is not None and not self.prediction.invents


def _looked_up(values: Lazy, name: str) -> Any:
    """Return a value, or None where it turns out that there is no closed form."""
    try:
        return values[name]
    except NoClosedForm:
        return None
