"""What the expected densities of all generations share, and those of their limit."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde.errors_squared import require_sizes_only
from modelcollapse.families.kde.frequencies import DEVIATIONS, Spectrum, spectrum_of, up_to
from modelcollapse.families.kde.kernel import GAUSSIAN
from modelcollapse.families.kde.moments import generator_bandwidths, scoring_bandwidths
from modelcollapse.families.kde.pairs import means
from modelcollapse.families.kde.shares import Share
from modelcollapse.families.kde.training import TrainingSet, gathered, trainings

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


@dataclass(frozen=True, eq=False)
class Frame:
    """What the densities of all generations share: nodes, weights, bandwidths."""

    experiment: "Experiment"
    spectrum: Spectrum
    found: list[TrainingSet]
    generator: Floats
    scored: Floats

    @classmethod
    def of(cls, e: "Experiment") -> "Frame":
        """Return the frame of an experiment; NoClosedForm if there is none."""
        require_sizes_only(e)
        spectrum, found = spectrum_of(e.truth), trainings(e)
        return cls(e, spectrum, found, generator_bandwidths(e, found), scoring_bandwidths(e, found))

    @property
    def noises(self) -> float:
        """The largest sum of squared bandwidths that a row of a fit may carry."""
        return float((self.generator**2).sum() + self.scored.max() ** 2)

    @cached_property
    def span(self) -> float:
        """Beyond this distance from the truth's mean no density is left."""
        model = self.experiment.model
        noise = self.noises * model.kernel.variance(model.dim)
        width = float(np.sqrt(self.spectrum.deviation**2 + noise))
        return self.spectrum.reach + DEVIATIONS * width

    @cached_property
    def nodes(self) -> tuple[Floats, Floats]:
        """Frequencies and weights; what is blurred needs none beyond some frequency."""
        blur = self.scored.min() if self.experiment.model.kernel is GAUSSIAN else 0.0
        last = DEVIATIONS / float(np.hypot(self.spectrum.finest, blur))
        return up_to(self.spectrum.dim, 2 * self.span, last)

    def kappa(self, h: float, omega: Floats) -> Floats:
        """Return the kernel's characteristic function at bandwidth h."""
        model = self.experiment.model
        return np.asarray(model.kernel.characteristic_function(h * omega, model.dim))

    def factors(self, omega: Floats) -> Floats:
        """Return a_t kappa_t at frequencies, shape (generations, len(omega))."""
        steps = means(
            self.found, np.ones_like(omega), lambda t: self.kappa(self.generator[t - 1], omega)
        )
        return np.array([a * self.kappa(self.scored[t], omega) for t, a in enumerate(steps)])

    @cached_property
    def at_nodes(self) -> Floats:
        """`factors` at the nodes."""
        return self.factors(self.nodes[0])

    @cached_property
    def noise_variance(self) -> Floats:
        """The variance that the kernels add to a row of each fit, one coordinate."""
        e = self.experiment
        own = e.model.kernel.variance(e.model.dim)
        added, slots, new = [], np.zeros(0), 0.0
        for t, training in enumerate(self.found):
            slots = gathered(training, slots, 0.0, new)
            fit = float(training.weights @ slots)
            added.append(fit + self.scored[t] ** 2 * own)
            new = fit + self.generator[t] ** 2 * own
        return np.array(added)


@dataclass(frozen=True, eq=False)
class SettledFrame(Frame):
    """The frame of the limit where real rows keep a share: one density, and constant bandwidths."""

    share: Share

    @property
    def noises(self) -> float:
        """The sum of squared bandwidths of as many noises as rows carry."""
        return float(self.share.deepest * self.generator[0] ** 2 + self.scored[0] ** 2)

    def factors(self, omega: Floats) -> Floats:
        """Return alpha / (1 - (1 - alpha) kappa), times the scored kernel's kappa."""
        mean = self.share.settled(self.kappa(float(self.generator[0]), omega), 0.0).mean
        return np.asarray(mean * self.kappa(float(self.scored[0]), omega))[None]

    @cached_property
    def noise_variance(self) -> Floats:
        """The variance that the kernels add: (1 - alpha) / alpha noises, and the scored one."""
        model, alpha = self.experiment.model, self.share.real
        noises = self.generator**2 * (1 - alpha) / alpha + self.scored**2
        return np.asarray(noises * model.kernel.variance(model.dim))
