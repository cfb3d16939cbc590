"""Experiments under replace that several entries share."""

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.gaussian.limits import critical_temperature
from modelcollapse.ledger.claims import Design
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import Replace


def biased() -> Experiment:
    """Maximum likelihood, d = 1, n = 10."""
    return Experiment(Gaussian(), Replace(), samples=10, generations=10)


def unbiased() -> Experiment:
    """The same with the unbiased variance."""
    return Experiment(Gaussian(ddof=1), Replace(), samples=10, generations=10)


def longer() -> Experiment:
    """n = 5 for 20 generations, where a growth like t/n could not be overlooked."""
    return Experiment(Gaussian(), Replace(), samples=5, generations=20)


def smoother() -> Experiment:
    """n = 20, where the test log-loss has a finite mean and variance."""
    return Experiment(Gaussian(), Replace(), samples=20, generations=4)


def heated() -> Experiment:
    """Sampling at the critical temperature."""
    return Experiment(
        Gaussian(ddof=1), Replace(), 5, 10, temperature=critical_temperature(5, ddof=1)
    )


def wide() -> Experiment:
    """d = 4, n = 8."""
    return Experiment(Gaussian(dim=4), Replace(), samples=8, generations=10)


def thin() -> Experiment:
    """n = 5 rows in d = 10 dimensions."""
    return Experiment(Gaussian(dim=10), Replace(), samples=5, generations=4)


BIASED, UNBIASED = Design(biased, 1_000_000), Design(unbiased, 1_000_000)
# How many an event needs is not foreseen, so that those who look at one have designs of their own:
# the nearest near miss of the two bounds is told apart by 32,000 loops.
BIASED_TAIL, UNBIASED_TAIL = Design(biased, 100_000), Design(unbiased, 100_000)
SMOOTHER, HEATED = Design(smoother, 400_000), Design(heated, 1_000_000)
LONGER = Design(longer, 200_000)
WIDE, THIN = Design(wide, 200_000, ("log_pivots",)), Design(thin, 100_000)
