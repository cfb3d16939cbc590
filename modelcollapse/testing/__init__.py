"""Tests for other people's workflows, estimators and samples.

Two suites, which any workflow and any estimator should pass::

    import pytest
    from modelcollapse.testing import WorkflowContract

    class TestMyWorkflow(WorkflowContract):
        @pytest.fixture
        def workflow(self):
            return MyWorkflow()

and five assertions whose probabilities of error are known; see `modelcollapse.evidence`. Where no
data could make an assertion fail, it raises InvalidInput with the number of samples that it needs.
The module `language` has suites for the samplers, trainers, templates and metrics of language
models, `strategies` draws experiments and their parts for Hypothesis, and `ledger` is the ledger
as tests. The plugin that gives pytest its options and fixtures is `modelcollapse_pytest`; see
``modelcollapse/docs/use-with.md``. This module needs pytest, and the package itself never imports
it.
"""

from collections.abc import Callable
from typing import Any

from modelcollapse import evidence
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, missing
from modelcollapse.evidence import Evidence, Side
from modelcollapse.evidence.outcome import idle

try:
    from modelcollapse.testing.estimator_contract import EstimatorContract
    from modelcollapse.testing.workflow_contract import WorkflowContract
except ModuleNotFoundError as error:
    raise missing("pytest", "pytest", "modelcollapse.testing") from error

__all__ = [
    "EstimatorContract",
    "WorkflowContract",
    "assert_bounded_mean",
    "assert_frequency",
    "assert_law",
    "assert_mean",
    "assert_same_law",
]


def assert_law(
    samples: Any, cdf: Callable[[Floats], Any], *, alpha: float = 1e-9, beta: float = 1e-9
) -> Evidence:
    """Assert that samples follow the law with this cdf; see `modelcollapse.evidence.law`."""
    return _accepted(evidence.law(samples, cdf, alpha=alpha, beta=beta), "their law is the cdf")


def assert_same_law(
    samples: Any, others: Any, *, alpha: float = 1e-9, beta: float = 1e-9
) -> Evidence:
    """Assert that two samples have one law; see `modelcollapse.evidence.same_law`.

    Raises
    ------
    AssertionError
        If they are told apart at `alpha`.
    InvalidInput
        If they are too few for any data to be rejected; the message says how many are needed.

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> from modelcollapse.testing import assert_same_law
    >>> rng = np.random.default_rng(0)
    >>> assert_same_law(rng.normal(size=1000), rng.normal(size=1000)).samples
    1000
    """
    return _accepted(evidence.same_law(samples, others, alpha=alpha, beta=beta), "one law")


def assert_mean(
    samples: Any,
    claimed: float,
    variance: float,
    *,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
) -> Evidence:
    """Assert a mean, given a bound of the variance; see `modelcollapse.evidence.mean`."""
    outcome = evidence.mean(samples, claimed, variance, alpha=alpha, beta=beta, side=side)
    return _accepted(outcome, f"the mean is {_words(side)}{claimed:.9g}")


def assert_bounded_mean(
    samples: Any,
    claimed: float,
    low: float,
    high: float,
    *,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
) -> Evidence:
    """Assert a mean of bounded samples; see `modelcollapse.evidence.bounded_mean`."""
    outcome = evidence.bounded_mean(samples, claimed, low, high, alpha=alpha, beta=beta, side=side)
    return _accepted(outcome, f"the mean is {_words(side)}{claimed:.9g}")


def assert_frequency(
    count: int,
    n: int,
    claimed: float,
    *,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
) -> Evidence:
    """Assert a probability, from a count; see `modelcollapse.evidence.frequency`."""
    outcome = evidence.frequency(count, n, claimed, alpha=alpha, beta=beta, side=side)
    return _accepted(outcome, f"the probability is {_words(side)}{claimed:.9g}")


def _words(side: Side) -> str:
    return {"two": "", "above": "at most ", "below": "at least "}[side]


def _accepted(outcome: Evidence, claim: str) -> Evidence:
    if why := idle(outcome):
        raise InvalidInput(f"no test of: {claim}. {outcome.method}: {why}")
    if outcome.rejected:
        raise AssertionError(
            f"rejected: {claim}. {outcome.method} at alpha = {outcome.alpha:g} with "
            f"{outcome.samples} samples: observed {outcome.observed:.9g}, which is "
            f"{outcome.statistic:.4g} away, and at most {outcome.threshold:.4g} is chance"
        )
    return outcome
