"""Regression loops: compressed rows against raw rows, in numbers and in law; bits.

Raw rows with given compressed ones: X = Q R and y = Q c + e, with Q orthonormal and e orthogonal
to it, have any least-squares fit of (R, c).
"""

import joblib
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support.stream import normal
from modelcollapse.families.regression import LinearRegression, compressed, reflections, simulate
from modelcollapse.loop.blocks import BLOCK, Draws
from modelcollapse.testing import assert_bounded_mean, assert_law, assert_mean, assert_same_law
from modelcollapse.workflows.selection import select
from modelcollapse.workflows.sources import real_counts
from tests.helpers.plain_loops import plain_loops
from tests.helpers.replay import Bootstrap, Halving
from tests.helpers.toys import OnlyReal

ALPHA = 1e-9
MATRIX = mc.Weighted([[1], [0.5, 0.5], [0, 0.3, 0.7], [0.25, 0.25, 0, 0.5]])
DETERMINISTIC = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "window": mc.SlidingWindow(2),
    "keep-real": mc.KeepReal(),
    "share": mc.KeepReal(0.3),
    "halving": Halving(),
    "weighted": MATRIX,
}
REFRESHING = {
    "fresh-data": mc.FreshData(6, 5),
    "heavy": mc.FreshData(4, 7, 0.7),
    "web": mc.Web(2, 9),
}
RANDOM = {"subsample": mc.AccumulateSubsample(), "bootstrap": Bootstrap()}
EVERY = {**DETERMINISTIC, **REFRESHING, **RANDOM}
CASES = [
    (name, design, d, n, ridge)
    for name in EVERY
    for design in ("fixed", "fresh")
    for d, n in ((3, 11), (6, 4), (3, 3), (1, 5))
    for ridge in (0.0, 1.3)
    if design == "fresh" or name not in REFRESHING
] + [
    (name, "fresh", d, n, ridge)  # chi-squares by polynomials, and more inputs than go in lanes
    for name in ("accumulate", "weighted")
    for d, n, ridge in ((2, 60, 0.0), (43, 60, 1.3), (26, 11, 0.0))
]
T, NOISE = 4, 0.4


def loop(name, design, d, n, ridge, noise=NOISE):
    """Return an experiment of four generations; w* = (1, 2, ..., d)."""
    model = LinearRegression(d, noise, ridge, design)
    return mc.Experiment(model, EVERY[name], n, T, truth=np.arange(1.0, d + 1))


def least_squares(X, y, weights, ridge):
    """Fit raw rows by the pseudo-inverse, or the normal equations of a penalty."""
    weights = np.ones(len(X)) if weights is None else weights
    scale = np.sqrt(weights * np.count_nonzero(weights) / weights.sum())
    X, y = X * scale[:, None], y * scale
    if ridge == 0:
        return np.linalg.pinv(X) @ y
    return np.linalg.solve(X.T @ X + ridge * np.eye(X.shape[1]), X.T @ y)


def orthonormal(n, r, rng):
    """Return r orthonormal columns of length n."""
    return np.linalg.qr(rng.standard_normal((n, r)))[0]


def inflated(R, c, n, rng):
    """Return n raw rows whose fits are those of the compressed rows (R, c)."""
    Q = orthonormal(n, len(R), rng)
    noise = rng.standard_normal(n)
    return Q @ R, Q @ c + noise - Q @ (Q.T @ noise)


def drawn(stream, n, polynomial, noise, labels):
    """Yield rows (R, c) that kernels draw for n raw ones, with labels by each of `labels`."""
    lanes, d = labels.shape
    out, scratch = np.empty((d, (d + 1) * lanes)), np.empty(d * (d + 1) // 2 * lanes)
    if lanes == 1:
        rank = compressed.draw(stream, out, n, noise, labels[0], scratch)
    else:
        sums, v = np.empty(lanes), labels.T.flatten()
        rank = compressed.draw_lanes(stream, out, n, polynomial, noise, v, scratch, sums)
    for rows in np.moveaxis(out.reshape(d, d + 1, lanes)[:rank], 2, 0):
        yield rows[:, :d], rows[:, d]


def replayed_fresh(e, draws, aside, count):
    """Return risk and norm (count, T, 2), refitted on raw rows made of the kernels' draws."""
    model, true = e.model, e.truth.values
    sizes = e.sizes.tolist()
    real = real_counts(e.workflow, sizes)
    counts = np.column_stack([real, e.sizes - real])
    lanes, places, table = simulate.Blocks(e, np.full(T, -1)).lanes
    found = np.empty((count, T, 2))
    for first in range(0, count, lanes):
        w, rows = np.tile(true, (lanes, 1)), [[] for _ in range(lanes)]
        for t in range(T):
            for source, labels in enumerate((np.tile(true, (lanes, 1)), w.copy())):
                if n := int(counts[t, source]):
                    place = places[t, source]
                    own = table[place] if place >= 0 else np.empty((1, 0))
                    parts = drawn(draws.stream, n, own, model.noise, labels)
                    for mine, (R, c) in zip(rows, parts, strict=True):
                        mine.append(inflated(R, c, n, aside))
            for lane, mine in enumerate(rows):
                X, y = (np.concatenate(parts) for parts in zip(*mine, strict=True))
                chosen, weights = select(e.workflow, sizes[: t + 1], aside)
                w[lane] = least_squares(X[chosen], y[chosen], weights, model.ridge)
                if first + lane < count:
                    found[first + lane, t] = ((w[lane] - true) ** 2).sum(), (w[lane] ** 2).sum()
    return found


def replayed_fixed(e, rng, aside, count):
    """Return risk and norm (count, T), refitted on raw rows that have the drawn X and noise."""
    model, n, d = e.model, int(e.sizes[0]), e.model.dim
    rank, sizes = min(n, d), e.sizes.tolist()
    s = simulate.singular_values(rng, count, n, d)
    direction = rng.standard_normal((count, d))
    direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
    z = np.stack([rng.standard_normal((count, rank)) for _ in sizes], axis=1)
    found = np.empty((2, count, T))
    for r in range(count):
        U, V = orthonormal(n, rank, aside), orthonormal(d, d, aside)
        true = V @ direction[r] * np.sqrt(e.truth.square)
        X, w, y = U * s[r] @ V[:, :rank].T, true, np.empty(0)
        for t in range(T):
            noise = aside.standard_normal(n)
            y = np.append(y, X @ w + model.noise * (U @ z[r, t]) + noise - U @ (U.T @ noise))
            chosen, weights = select(e.workflow, sizes[: t + 1], aside)
            w = least_squares(X[chosen % n], y[chosen], weights, model.ridge)
            found[:, r, t] = ((w - true) ** 2).sum(), (w**2).sum()
    return found


def replayed_rows(e, draws):
    """Yield risk and norm of one replicate of a workflow that picks rows, on the same rows."""
    model, true, sizes = e.model, e.truth.values, e.sizes.tolist()
    plan, picked, weights = simulate._choice(e, draws)
    w, X, y = true, np.empty((0, model.dim)), np.empty(0)
    for t, n in enumerate(sizes):
        for i in range(n):
            if t == 0 or model.design == "fresh":
                X = np.vstack([X, np.empty(model.dim)])
                compressed.fill(draws.stream, X[-1])
            row = i if model.design == "fixed" else len(y)
            y = np.append(y, X[row] @ w + model.noise * normal(draws.stream))
        chosen = plan[t, : picked[t]]
        given = weights[t, : picked[t]] if len(weights) else None
        w = least_squares(X[chosen % len(X)], y[chosen], given, model.ridge)
        yield ((w - true) ** 2).sum(), (w**2).sum()


@pytest.mark.parametrize(("name", "design", "d", "n", "ridge"), CASES)
def test_the_same_noise_gives_the_same_numbers(name, design, d, n, ridge):
    """Refitted on raw rows that carry the simulator's draws; ill-conditioned fits lose digits.

    The relative error of a fit is at most some 100 eps cond(X)^2, and no X here has a condition
    above 1e4: asserted through the norms, which would be as large.
    """
    count, seed = 6, 11
    e = loop(name, design, d, n, ridge)
    simulated = mc.simulate(e, count, seed)
    draws, aside = Draws(seed, 0), np.random.default_rng(5)
    if name in RANDOM:
        plain = np.array([list(replayed_rows(e, draws)) for _ in range(count)]).transpose(2, 0, 1)
    elif design == "fixed":
        plain = replayed_fixed(e, draws.rng, aside, count)
    else:
        plain = replayed_fresh(e, draws, aside, count).transpose(2, 0, 1)
    assert plain.max() < 1e8
    for quantity, values in zip(("risk", "norm"), plain, strict=True):
        assert simulated[quantity] == pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize(
    ("rows", "d", "steps"), [(1, 1, 1), (2, 3, 3), (9, 9, 9), (30, 30, 30), (17, 30, 23), (5, 6, 0)]
)
@pytest.mark.parametrize("kind", ["triangle", "lanes", "rows"])
def test_merged_triangles_are_those_of_qr(kind, rows, d, steps):
    """The leading rows of NumPy's factor, up to signs, within rounding."""
    rng = np.random.default_rng(0)
    lanes, upper = (reflections.LANES if kind == "lanes" else 1), kind != "rows"
    R, B = rng.standard_normal((lanes, d, d + 1)), rng.standard_normal((lanes, rows, d + 1))
    R[:, :, :d] = np.triu(R[:, :, :d])
    R[:, steps:] = 0
    if upper:
        B[:, :, :d] = np.triu(B[:, :, :d])
    plain = [np.linalg.qr(np.vstack(stack), mode="r")[:steps] for stack in zip(R, B, strict=True)]
    R, own = np.moveaxis(R, 0, 2).reshape(d, -1), np.moveaxis(B, 0, 2).reshape(rows, -1)
    B, V = reflections.scratch_rows(rows, own.shape[1]), reflections.scratch_columns(rows, d)
    compressed.put(B, own, rows, 1.0)
    if kind == "lanes":
        reflections.merge_lanes(R, B, rows, steps, V)
    else:
        reflections.merge(R, B, rows, steps, upper, V)
    R = np.moveaxis(R.reshape(d, d + 1, lanes), 2, 0)
    for merged, exact in zip(R, plain, strict=True):
        signs = np.sign(merged.diagonal()[:steps] * exact.diagonal()[:steps])
        assert np.allclose(merged[:steps], signs[:, None] * exact, rtol=0, atol=1e-12)
        assert not merged[steps:].any()


def test_a_merge_with_zeros_is_a_sign():
    """Without rows to merge, or with rows of zeros, at most signs change."""
    for lanes, merge in ((1, reflections.merge), (reflections.LANES, reflections.merge_lanes)):
        for R in (np.zeros((6, 7 * lanes)), np.repeat(np.triu(np.ones((6, 7))), lanes, axis=1)):
            B, V, old = np.zeros((8, R.shape[1])), reflections.scratch_columns(8, 6), R.copy()
            merge(R, B, 6, 6, *([reflections.UPPER] if lanes == 1 else []), V)
            assert np.array_equal(abs(R), old)


def slow_loop(e, rng):
    """Run the loop as one would write it: rows, pseudo-inverse, fresh noise; return risks."""
    model, true, sizes = e.model, e.truth.values, e.sizes.tolist()
    real = real_counts(e.workflow, sizes)
    X, y, w, risks = [], [], true, []
    for t, n in enumerate(sizes):
        if t == 0 or model.design == "fresh":
            inputs = rng.standard_normal((n, model.dim))
        labels = np.where(np.arange(n) < real[t], inputs @ true, inputs @ w)
        X.append(inputs)
        y.append(labels + model.noise * rng.standard_normal(n))
        chosen, weights = select(e.workflow, sizes[: t + 1], rng)
        w = least_squares(np.vstack(X)[chosen], np.concatenate(y)[chosen], weights, model.ridge)
        risks.append(((w - true) ** 2).sum())
    return risks


@pytest.mark.parametrize(("name", "design"), sorted({case[:2] for case in CASES}))
def test_simulator_has_the_slow_loops_law(name, design, seed):
    """Risks of generations 2 and 4, with more and with fewer rows than inputs, and a penalty."""
    runs = 300
    for d, n, ridge in ((3, 11, 0.0), (6, 4, 0.0), (3, 11, 2.0)):
        e = loop(name, design, d, n, ridge)
        rng = np.random.default_rng([seed, d])
        by_loop = np.array([slow_loop(e, rng) for _ in range(runs)])
        simulated = mc.simulate(e, 4_000, seed)["risk"]
        for t in (1, 3):
            assert_same_law(simulated[:, t], by_loop[:, t])


@pytest.mark.parametrize("ridge", [0.0, 2.0])
@pytest.mark.parametrize("name", ["replace", "accumulate", "share", "subsample"])
def test_run_has_the_law_of_new_inputs(name, ridge, seed):
    """`run` with the estimator draws new inputs: the same law of the third generation's risk."""
    w = np.array([1.0, 2.0, 3.0])
    joint = np.eye(4)
    joint[3, :3] = joint[:3, 3] = w
    joint[3, 3] = w @ w + NOISE**2
    model, truth = LinearRegression(3, NOISE, ridge), mc.Normal(np.zeros(4), joint)

    def risk(fitted, X, truth):
        del X, truth
        return ((fitted.coef_ - w) ** 2).sum()

    runs = plain_loops(model, truth, EVERY[name], 11, 3, 400, seed, 2, metrics={"risk": risk})
    simulated = mc.simulate(loop(name, "fresh", 3, 11, ridge), 10_000, seed)["risk"]
    assert_same_law(simulated[:, 2], np.array([run["risk"][2] for run in runs]))


PREDICTED = [
    *((name, "fixed", d, n, 0.0) for name in DETERMINISTIC for d, n in ((3, 12), (12, 3), (1, 9))),
    *(
        (name, "fresh", d, n, 0.0)
        for name in ("replace", "accumulate")
        for d, n in ((3, 12), (1, 9))
    ),
    ("replace", "fresh", 12, 3, 0.0),
    *((name, "fixed", 1, 4, 1.3) for name in ("replace", "accumulate")),
    ("replace", "fresh", 1, 4, 1.3),
]


@pytest.mark.parametrize("case", PREDICTED)
def test_every_predicted_mean(case, seed):
    """Risk and norm at each generation, by their predicted variances."""
    e = loop(*case)
    prediction, simulated = mc.predict(e), mc.simulate(e, 30_000, seed)
    for quantity in ("risk", "norm"):
        for t in range(T):
            variance = prediction.variances[quantity][t]
            assert np.isfinite(variance)
            assert_mean(simulated[quantity][:, t], prediction[quantity][t], variance)


def test_schedules_that_pass_the_number_of_inputs(seed):
    """Replace with 3, 12, 4 rows in 8 dimensions, by the predicted variances."""
    e = mc.Experiment(LinearRegression(8, design="fresh"), mc.Replace(), [3, 12, 4], 3)
    prediction, simulated = mc.predict(e), mc.simulate(e, 60_000, seed)
    for quantity in ("risk", "norm"):
        for t in range(3):
            variance = prediction.variances[quantity][t]
            assert_mean(simulated[quantity][:, t], prediction[quantity][t], variance)


def test_second_moments_of_what_is_forgotten(seed):
    """E risk^2 and E norm^2 without noise: |w_t| <= |w*| bounds them by 16 and 1."""
    e = mc.Experiment(LinearRegression(7, 0.0, design="fresh"), mc.Replace(), [4, 5, 3], 3)
    prediction, simulated = mc.predict(e), mc.simulate(e, 60_000, seed)
    for quantity, most in (("risk", 16.0), ("norm", 1.0)):
        for t in range(3):
            second = prediction.variances[quantity][t] + prediction[quantity][t] ** 2
            assert_bounded_mean(simulated[quantity][:, t] ** 2, second, 0.0, most)


@pytest.mark.parametrize(("d", "n"), [(3, 3), (3, 4), (1, 2), (4, 12)])
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_law_of_a_fixed_designs_risk(name, d, n, seed):
    """A ratio of chi-squares, also where it has no expectation."""
    e = loop(name, "fixed", d, n, 0.0)
    laws = mc.predict(e).laws["risk"]
    risks = mc.simulate(e, 20_000, seed)["risk"]
    for t in range(T):
        assert_law(risks[:, t], laws[t].cdf)


def test_without_noise_nothing_is_lost_but_what_inputs_do_not_span():
    """The risk is exactly zero for n >= d, also at n = d; with fewer rows it is the signal's."""
    for name in ("replace", "accumulate", "share"):
        for design in ("fixed", "fresh"):
            for n in (3, 4, 9):
                e = loop(name, design, 3, n, 0.0, noise=0.0)
                assert np.array_equal(mc.simulate(e, 50, 1)["risk"], np.zeros((50, T)))
                if design == "fixed" or name != "share":
                    assert np.array_equal(mc.predict(e)["risk"], np.zeros(T))
    e = mc.Experiment(LinearRegression(6, 0.0), mc.Replace(), 4, 3)
    runs = mc.simulate(e, 50, 1)
    assert runs["risk"] == pytest.approx(1 - runs["norm"], rel=0, abs=1e-14)
    assert np.ptp(runs["risk"], axis=1).max() == 0


def test_a_thousand_forgetful_generations():
    """Without noise and with new inputs the norm falls to zero without a warning."""
    e = mc.Experiment(LinearRegression(6, 0.0, design="fresh"), mc.Replace(), 2, 3_000)
    runs = mc.simulate(e, 20, 1, at=[1, 100, 3_000])
    assert np.all(runs["norm"][:, 1] < 1e-15)
    assert np.array_equal(runs["norm"][:, 2], np.zeros(20))
    assert np.array_equal(runs["risk"][:, 2], np.ones(20))


BITS = [
    ("replace", "fixed", 3, 11, 0.0),
    ("halving", "fixed", 6, 4, 1.3),
    ("accumulate", "fresh", 3, 11, 0.0),
    ("share", "fresh", 6, 4, 0.0),
    ("web", "fresh", 3, 11, 1.3),
    ("subsample", "fixed", 3, 5, 0.0),
]


@pytest.mark.parametrize("case", BITS)
def test_recording_and_jobs_change_no_bits(case):
    """Any `at`, jobs and number of replicates of one seed are parts of the same whole."""
    e, count = loop(*case), BLOCK + 100
    whole, told = mc.simulate(e, count, 3), []
    some = mc.simulate(e, count, 3, [2, 4], progress=told.append)
    with joblib.parallel_config("threading"):
        parallel = mc.simulate(e, count, 3, jobs=2)
    few = mc.simulate(e, BLOCK, 3)
    assert sum(told) == count
    for quantity in ("risk", "norm"):
        assert np.array_equal(some[quantity], whole[quantity][:, [1, 3]])
        assert np.array_equal(parallel[quantity], whole[quantity])
        assert np.array_equal(few[quantity], whole[quantity][:BLOCK])
        both = np.concatenate([whole[quantity][:, 3], mc.simulate(e, count, 4)[quantity][:, 3]])
        assert len(np.unique(both)) == both.size


def test_weightings_by_slots_and_by_all_batches_agree():
    """Accumulate's pool, and the same weights as a matrix, give the same numbers."""
    matrix = mc.Weighted([[1 / t] * t for t in range(1, 5)])
    for design in ("fixed", "fresh"):
        for ridge in (0.0, 1.3):
            model = LinearRegression(3, design=design, ridge=ridge)
            runs = [
                mc.simulate(mc.Experiment(model, w, 7, 4), 20, 2) for w in (mc.Accumulate(), matrix)
            ]
            assert runs[0]["risk"] == pytest.approx(runs[1]["risk"], rel=1e-9)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_fewer_rows_than_inputs_are_seen_within_larger_batches(noise):
    """A generation that trains on the two real rows of a batch of five, with three inputs.

    Its fit is that of least norm: without noise it keeps 2/3 of the true coefficients' square.
    """
    e = mc.Experiment(mc.LinearRegression(3, noise=noise, design="fresh"), OnlyReal(2), 5, 3)
    runs = mc.simulate(e, 4000, 1)

    if noise == 0:
        assert_mean(runs["risk"][:, -1], 1 / 3, 4 / 45)
        assert mc.predict(e).fates["risk"].verdict != "bounded"
    else:
        rng = np.random.default_rng(0)
        risks = []
        for _ in range(4000):
            x, w = rng.normal(size=(2, 3)), np.full(3, 3**-0.5)
            fit = np.linalg.pinv(x) @ (x @ w + rng.normal(size=2))
            risks.append(((fit - w) ** 2).sum())
        assert_same_law(runs["risk"][:, -1], np.array(risks))
