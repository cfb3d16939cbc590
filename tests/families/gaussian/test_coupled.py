"""The simulator and the plain loop, driven by the same noise, give the same numbers.

See `tests.helpers.replay`. Each recorded fit is compared with `mc.Gaussian` fitted, inside `run`,
to raw rows whose noise is the simulator's. Both sides work on at most N rows of norm at most X; an
entry of a mean or a covariance is a sum of at most N + d products, each rounded a few times (a
square root, a division, a triangular factor: 16 is generous), and the errors of T generations add
up, as a fit is a convex mixture of batches. So covariances differ by at most E = 16 T (N + d) eps
X^2 in norm. With delta = E / lambda_min the true covariance lies between (1 - delta) and (1 +
delta) times the other one in the order of matrices, in which log-determinants, Cholesky pivots,
traces of inverses and of roots are monotone: relative errors of delta, and of d delta for sums.
"""

import numpy as np
import pytest
from scipy import linalg

import modelcollapse as mc
from modelcollapse.families.gaussian.quantities import ranks
from tests.helpers.replay import Bootstrap, Halving, Replay

EPS = np.finfo(float).eps
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "subsample": mc.AccumulateSubsample(),
    "subsample-4": mc.AccumulateSubsample(4),
    "window": mc.SlidingWindow(2),
    "keep-real": mc.KeepReal(),
    "keep-real-share": mc.KeepReal(0.3),
    "halving": Halving(),
    "bootstrap": Bootstrap(),
}
SHAPES = {
    "line": (1, [7, 5, 9, 6]),
    "space": (3, [7, 5, 9, 6]),
    "thin": (4, [4, 3, 5, 4]),
    "many-line": (1, [60, 50, 60]),  # chi-squares by polynomials
    "many-space": (2, [60, 50, 60]),
    "falling": (4, [9, 8, 3, 2]),
    "single-rows-line": (1, [7, 1, 4, 1]),
    "single-rows-space": (3, [7, 1, 4, 1]),
}
NEED_TWO_ROWS = ("replace", "subsample")
CASES = [
    (workflow, shape)
    for workflow in WORKFLOWS
    for shape in SHAPES
    if not (workflow in NEED_TWO_ROWS and shape.startswith("single"))
]


def truth_of(kind, dim):
    """Return a normal truth with unequal axes, or a data set of 40 rows."""
    rng = np.random.default_rng(dim)
    factor = np.tril(rng.uniform(-1, 1, size=(dim, dim)), -1) + np.diag(1.0 + np.arange(dim))
    if kind == "normal":
        return mc.Normal(rng.normal(size=dim), factor @ factor.T)
    return rng.exponential(size=(40, dim)) @ factor.T


def w2_squared(S, m, S0):
    """Return the Bures-Wasserstein distance from N(m, S) to N(0, S0), by matrix roots."""
    root = np.sqrt(S0)  # diagonal in these coordinates
    cross = np.trace(linalg.sqrtm(root @ S @ root)).real
    return m @ m + np.trace(S) + np.trace(S0) - 2 * cross


def log_loss(S, m, S0):
    """Return E of -log density at N(0, S0): the log-density is quadratic, so 2d points do."""
    d = len(S)
    points = np.concatenate([np.sqrt(d * S0), -np.sqrt(d * S0)]) - m
    squares = np.einsum("pi,ip->p", points, np.linalg.solve(S, points.T))
    return (d * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + squares.mean()) / 2


class Fits:
    """A metric of `run` that keeps every fit."""

    def __init__(self):
        self.kept = []

    def __call__(self, model, X, truth):
        """Keep mean and covariance."""
        del truth
        self.kept.append((model.mean_, model.covariance_, np.linalg.norm(X, axis=1).max()))
        return 0.0


@pytest.mark.parametrize(("ddof", "temperature"), [(0, 1.0), (1, 1.5)])
@pytest.mark.parametrize("kind", ["normal", "data"])
@pytest.mark.parametrize(("workflow", "shape"), CASES)
def test_simulator_and_loop_agree(workflow, shape, kind, ddof, temperature):
    """Mean, covariance and every quantity of every fit, for two replicates."""
    dim, sizes = SHAPES[shape]
    e = mc.Experiment(
        mc.Gaussian(dim, ddof),
        WORKFLOWS[workflow],
        sizes,
        len(sizes),
        truth=truth_of(kind, dim),
        temperature=temperature,
    )
    replay, S0 = Replay(e, 2, seed=7), np.diag(e.truth.spectrum)
    terms = 16 * len(sizes) * (sum(sizes) + dim) * EPS
    fits = Fits()

    for r, result, _ in replay.runs({"fits": fits}):
        kept = fits.kept[-len(sizes) :]
        for t, (m, S, _) in enumerate(kept, 1):
            X = max(norm for *_, norm in kept[:t])
            E = terms * X**2
            mean, factor = replay.fit(r, t)
            assert np.abs(mean - m).max() <= terms * X
            assert np.abs(factor @ factor.T - S).max() <= E
            check_quantities(replay, r, t, (S, m, S0), E)
        for name in ("variance", "squared_error"):
            # Sums of d entries, over tr S0.
            bound = dim * E / np.trace(S0)
            assert replay.quantities[name][r] == pytest.approx(result[name], rel=0, abs=bound)


def check_quantities(replay, r, t, fit, E):
    """Compare the logarithms and distances of one fit with the direct formulas."""
    (S, m, S0), q, d = fit, replay.quantities, len(fit[0])
    values, log_det0 = np.linalg.eigvalsh(S), np.log(np.diag(S0)).sum()
    size = m @ m + np.trace(S) + np.trace(S0)
    rank = int((values > d * E).sum())
    determinant, distance, loss = (
        q[name][r, t - 1] for name in ("log_determinant", "w2_squared", "test_log_loss")
    )
    if rank < d:
        # The root's trace moves by at most d roots of the change in norm.
        root, scale = np.sqrt(np.diag(S0)), S0.max()
        product = np.maximum(np.linalg.eigvalsh(root[:, None] * S * root), 0.0)
        expected = size - 2 * np.sqrt(product).sum()
        assert abs(distance - expected) <= 2 * d * np.sqrt(scale * E) + d * E
        assert np.isneginf(determinant)
        assert np.isposinf(loss)
        if "pseudo_log_determinant" in q:
            full, delta = int(ranks(replay.e, d)[t - 1]), 4 * d * E / values[-rank]
            pseudo = np.log(values[-rank:]).sum() - rank / d * log_det0
            pseudo = pseudo if rank == full else -np.inf  # Bootstrap may draw too few rows
            assert q["pseudo_log_determinant"][r, t - 1] == pytest.approx(pseudo, rel=0, abs=delta)
        return
    delta = 4 * d * E / values[0]
    pivots = 2 * np.log(np.diag(np.linalg.cholesky(S)))
    assert determinant == pytest.approx(pivots.sum() - log_det0, rel=0, abs=delta)
    assert q["log_pivots"][r, t - 1] == pytest.approx(pivots, rel=0, abs=delta)
    assert distance == pytest.approx(w2_squared(S, m, S0), rel=0, abs=delta * size)
    inverse = np.trace(np.linalg.solve(S, S0 + np.outer(m, m)))
    assert loss == pytest.approx(log_loss(S, m, S0), rel=0, abs=delta * (d + inverse))
