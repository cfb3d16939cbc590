"""What is proved of an experiment's quantities, at each generation and in the long run."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.diagnosis.outcome import Word
from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, predict
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.truth import Rows

DISCRETE = "modelcollapse.families.discrete"
EXPONENTIAL = "modelcollapse.families.exponential"
GAUSSIAN = "modelcollapse.families.gaussian"
KDE = "modelcollapse.families.kde"
ERRORS = ("mise", "test_log_loss")
ABSORBING = ("replace", "accumulate", "sliding-window", "keep-real")
ZERO = 1e-12  # a Lyapunov exponent nearer to 0 than its rounding has no sign


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
        expected variance for ever while every run's tends to 0. There Lyapunov exponents decide.
        """
        return self._lyapunov(name) or self._goes(name) or self._stays(name)

    def _goes(self, name: str) -> Proof | None:
        if self.limit(name) == 0:
            return Proof("holds", f"limits[{name!r}] = 0: the expectation tends to 0")
        fate = self.fate(name)
        if fate is not None and fate.verdict == "clumps":
            rate = f" ({fate.rate})" if fate.rate else ""
            return Proof("holds", f"fates[{name!r}] is 'clumps'{rate}: {fate.reason}")
        return None

    def _stays(self, name: str) -> Proof | None:
        """Return that a typical run keeps its variance, where that is proved.

        An expectation above 0 is no proof: it may be carried by few runs.
        """
        e = self.experiment
        if e is None:
            return None
        if e.schedule.rule == "fresh-data" and e.schedule.workflow.real > 1:
            text = "fresh real rows differ in every generation with the same probability"
            return Proof("does not hold", f"almost surely it does not tend to 0: {text}")
        if e.model.room == GAUSSIAN:
            return self._gaussian(e, name)
        if e.model.room == KDE:
            return self._kernel(e, name)
        return self._mean_alone(e, name) if e.model.room == EXPONENTIAL else None

    def _gaussian(self, e: Experiment, name: str) -> Proof | None:
        if isinstance(e.truth, Rows) or name != "variance":
            return None
        limit = self.limit(name)
        if e.schedule.rule == "accumulate" and limit is not None and limit > 0:
            text = "its factors are independent and their variances summable"
            return Proof("does not hold", f"limits[{name!r}] = {limit:.5g}, above 0; {text}")
        kept = e.schedule.rule == "keep-real" and e.sizes[0] > 1
        if kept and (e.schedule.equal is not None or e.schedule.workflow.share is not None):
            return Proof("does not hold", "the real rows keep their weight, and their variance")
        return None

    def _kernel(self, e: Experiment, name: str) -> Proof | None:
        from modelcollapse.families.kde.bandwidth import is_scaled

        curve, limit, fate = self.expected(name), self.limit(name), self.fate(name)
        if is_scaled(e.model.bandwidth) or (curve is not None and not curve[-1] > 0):
            return None
        if limit is not None:
            return Proof("does not hold", f"limits[{name!r}] = {limit:.5g}, above 0")
        if fate is not None and fate.verdict == "diverges":
            return Proof("does not hold", f"fates[{name!r}] is 'diverges': {fate.reason}")
        return None

    def _mean_alone(self, e: Experiment, name: str) -> Proof | None:
        """Return what becomes of V(m_t) where the mean m_t is all that is fitted."""
        if name != "variance":
            return None
        low, high = e.model.range
        if np.isinf(low) and np.isinf(high):
            return Proof("does not hold", "V(m) is bounded away from 0, whatever the mean")
        if e.schedule.rule == "replace" and e.schedule.equal is not None:
            text = "the mean is a martingale, and comes to rest only where V(m) = 0"
            return Proof("holds", f"almost surely: {text}")
        return None

    def _lyapunov(self, name: str) -> Proof | None:
        p = self.prediction
        if p is None or name != "variance" or "lyapunov" not in p.exponents:
            return None
        found = _looked_up(p.exponents, "lyapunov")
        if found is None or np.size(found) == 0:
            return None
        largest = float(np.max(found))
        text = f"almost surely: the largest Lyapunov exponent is {largest:.5g} per generation"
        if largest < -ZERO:
            return Proof("holds", text)
        return Proof("does not hold", text) if largest > ZERO else None

    def absorbs(self) -> bool:
        """Return whether a variance of 0 stays, for ever; True where no experiment is known."""
        e = self.experiment
        return e is None or e.schedule.rule in ABSORBING

    def never_invents(self) -> bool:
        """Return whether no generation can sample what the truth does not have."""
        return self.experiment is not None and self.experiment.model.room == DISCRETE


def _looked_up(values: Lazy, name: str) -> Any:
    """Return a value, or None where it turns out that there is no closed form."""
    try:
        return values[name]
    except NoClosedForm:
        return None
