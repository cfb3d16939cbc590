"""The suite that every estimator for the general loop should pass."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest

from modelcollapse._support import generators
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput
from modelcollapse.loop import estimators
from modelcollapse.loop.batches import Numbers
from modelcollapse.testing.workflow_contract import require


class EstimatorContract:
    """The laws of an estimator for `run`; override `estimator`, and `training_rows` to suit it.

    With ``seed_global = True`` in the class the global generators are seeded for each fit and each
    sample, as ``run(..., seed_global=True)`` does it.
    """

    seed_global = False

    @pytest.fixture
    def estimator(self) -> Any:
        """Return the unfitted estimator to test."""
        raise NotImplementedError("override the fixture `estimator`")

    @pytest.fixture
    def training_rows(self) -> Floats:
        """Return rows to fit to, shape (rows, columns): 60 standard normal rows of 2 columns."""
        return np.random.default_rng(0).standard_normal((60, 2))

    def test_it_can_be_driven(self, estimator: Any) -> None:
        """It is an object with fit and sample."""
        try:
            estimators.check(estimator)
        except InvalidInput as error:
            raise AssertionError(str(error)) from error

    def test_fit_returns_a_model(self, estimator: Any, training_rows: Floats) -> None:
        """`fit` returns the model, or nothing and then the estimator is the model."""
        model = estimators.fresh(estimator).fit(training_rows.copy())
        require(
            model is None or callable(getattr(model, "sample", None)),
            f"fit returned {model!r}: return self",
        )

    def test_fit_leaves_the_rows_alone(self, estimator: Any, training_rows: Floats) -> None:
        """The training rows are not changed."""
        given = training_rows.copy()
        estimators.fresh(estimator).fit(given)
        require(np.array_equal(given, training_rows), f"{estimator!r}.fit changes its argument X")

    @pytest.mark.parametrize("n", [1, 2, 50])
    def test_samples_have_the_shape_asked_for(
        self, estimator: Any, training_rows: Floats, n: int
    ) -> None:
        """`sample(n)` gives n finite rows with as many columns as the training rows."""
        try:
            self._sample(self._fit(estimator, training_rows), n, training_rows.shape[1])
        except InvalidInput as error:
            raise AssertionError(str(error)) from error

    def test_samples_follow_the_random_state(self, estimator: Any, training_rows: Floats) -> None:
        """The same random state gives the same rows, and another one gives others."""
        model, dim = self._fit(estimator, training_rows), training_rows.shape[1]
        first = self._sample(model, 50, dim, seed=1)
        require(
            np.array_equal(first, self._sample(model, 50, dim, seed=1)),
            f"{estimator!r}.sample gives other rows for the same random_state: draw from it alone, "
            "or set seed_global = True",
        )
        require(
            not np.array_equal(first, self._sample(model, 50, dim, seed=2)),
            f"{estimator!r}.sample gives the same rows for different values of random_state",
        )

    def test_scores_are_finite(self, estimator: Any, training_rows: Floats) -> None:
        """Each training row has a finite log-density."""
        _scorable(estimator)
        try:
            scores = estimators.score(self._fit(estimator, training_rows), training_rows)
        except InvalidInput as error:
            raise AssertionError(str(error)) from error
        require(np.isfinite(scores).all(), f"{estimator!r}: a training row's score is not finite")

    def test_fit_ignores_the_order_of_rows(self, estimator: Any, training_rows: Floats) -> None:
        """Permuted rows give the same density, to rounding."""
        _scorable(estimator)
        permuted = np.random.default_rng(1).permutation(training_rows)
        require(
            not np.array_equal(permuted, training_rows),
            "training_rows have one order alone, which tests nothing: give more, that differ",
        )
        here = estimators.score(self._fit(estimator, training_rows), training_rows)
        there = estimators.score(self._fit(estimator, permuted), training_rows)
        require(
            np.allclose(here, there, rtol=1e-6, atol=1e-6),
            f"{estimator!r}.fit depends on the order of rows: "
            f"scores differ by {np.abs(here - there).max():.3g}",
        )

    def test_equal_weights_are_no_weights(self, estimator: Any, training_rows: Floats) -> None:
        """Rows of equal weight are fitted like rows without weights."""
        _scorable(estimator)
        if not estimators.accepts(estimator.fit, "sample_weight"):
            pytest.skip("the estimator takes no sample_weight")
        equal = np.full(len(training_rows), 1 / len(training_rows))
        here = estimators.score(self._fit(estimator, training_rows), training_rows)
        there = estimators.score(self._fit(estimator, training_rows, equal), training_rows)
        require(
            np.allclose(here, there, rtol=1e-6, atol=1e-6),
            f"{estimator!r}.fit with equal weights differs from fit without weights",
        )

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_fit_refuses_what_is_not_finite(
        self, estimator: Any, training_rows: Floats, value: float
    ) -> None:
        """Rows with NaN or infinity raise an error."""
        broken = training_rows.copy()
        broken[0, 0] = value
        try:
            estimators.fresh(estimator).fit(broken)
        except Exception:  # noqa: BLE001 - which error is the estimator's own affair
            return
        raise AssertionError(f"{estimator!r}.fit accepts rows with {value}: raise an error")

    def _fit(self, estimator: Any, rows: Floats, weights: Floats | None = None) -> Any:
        with self._streams(0) as rng:
            return estimators.fit(estimator, rows, weights, rng)

    def _sample(self, model: Any, n: int, dim: int, seed: int = 0) -> Floats:
        with self._streams(seed) as rng:
            rows: Floats = estimators.sample(model, n, Numbers(dim), rng)
            return rows

    @contextmanager
    def _streams(self, seed: int) -> Iterator[np.random.Generator]:
        """Give a generator, and seed the global ones if that is asked for."""
        with generators.kept(devices=True) if self.seed_global else nullcontext():
            if self.seed_global:
                generators.seed(np.random.default_rng([seed, 1]))
            yield np.random.default_rng(seed)


def _scorable(estimator: Any) -> None:
    if not hasattr(estimator, "score_samples"):
        pytest.skip("the estimator has no score_samples(X)")
