"""Pairs beside exponentials, predictions, optimal bandwidths, memory and many replicates."""

import json
import time

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import memory
from benchmarks.cells import ERRORS, WORKFLOWS
from benchmarks.kde_cells import exact_log_densities
from benchmarks.test_scale import python
from modelcollapse import evidence, testing
from modelcollapse.families.kde import scoring
from modelcollapse.families.kde.scoring.exponential import powers_of_two

SAMPLES, THUMB = 100, 1.06 * 100**-0.2
SCALED_ERRORS = {  # 1000 times the integrated squared error at t = 100, to six digits
    "replace": 217.632,
    "accumulate": 19.663,
    "accumulate-subsample": 24.588,
}
IN_CACHE = 2**12
SMALL = 10  # rows and generations of the many replicates
PLAIN = 1000  # repeats of the plain loop


@pytest.mark.parametrize("dim", [1, 2])
def test_pairs_beside_exponentials(benchmark, record_other, bench_seed, dim):
    """A pair is scored exactly, in about twice the time of its exponential (not asserted).

    Before each round NumPy's exponential and this package's run over as many elements, in the
    cache.
    """
    benchmark.group = f"5000 rows x 1000 points, d = {dim}"
    rng = np.random.default_rng(bench_seed)
    rows, points = rng.standard_normal((5000, dim)), rng.standard_normal((1000, dim))
    pairs, h = len(rows) * len(points), 0.3
    given, out = -rng.random(IN_CACHE) * 50, np.empty(IN_CACHE)
    seconds = {"numpy": [], "ours": []}

    def exponentials():
        start = time.perf_counter()
        for _ in range(pairs // IN_CACHE):
            np.exp(given, out=out)
        seconds["numpy"].append(time.perf_counter() - start)
        start = time.perf_counter()
        for _ in range(pairs // IN_CACHE):
            out[:] = given
            powers_of_two(out, 11)
        seconds["ours"].append(time.perf_counter() - start)
        return (points, rows, h), {}

    exponentials()  # compiles
    scoring.log_densities(points, rows, h)
    logs = benchmark.pedantic(scoring.log_densities, setup=exponentials, rounds=25)
    per_exponential = {side: np.median(values) / pairs for side, values in seconds.items()}
    record_other(f"a pair, d = {dim}, all digits", "ns", 1e9 / pairs)
    record_other(f"exp by NumPy, beside d = {dim}", "ns", 1e9, per_exponential["numpy"])
    record_other(f"2^t of modelcollapse, beside d = {dim}", "ns", 1e9, per_exponential["ours"])
    for side, name in (("numpy", "exp by NumPy"), ("ours", "2^t of modelcollapse")):
        record_other(f"a pair, d = {dim}, over {name}", "ratio", 1 / pairs / per_exponential[side])

    np.testing.assert_allclose(logs, exact_log_densities(rows, points, h), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(out, np.exp2(given), rtol=1e-15)


def page_errors(workflow, n, h):
    """Return the exact errors for N(0, 1), from a recursion written for this page alone.

    The characteristic functions of the pool and of the fit, phi and psi, have the moments
    E phi = mean, E |phi|^2 = square and E |psi|^2 = fit (before smoothing) at each frequency.
    The integrals over frequencies are trapezoidal sums, which are exact here to rounding.
    """
    x = np.linspace(0, 9 / np.min(h), 4001)
    truth = np.exp(-(x**2) / 2)
    mean, square, errors = truth, truth**2 + (1 - truth**2) / n, np.empty(len(h))
    for t, width in enumerate(h, 1):
        kernel, fit, rows = np.exp(-((width * x) ** 2) / 2), square, t * n
        if workflow == "accumulate-subsample" and t > 1:
            fit = 1 / n + (1 - 1 / n) * (square * rows - 1) / (rows - 1)
        error = kernel**2 * fit - 2 * kernel * mean * truth + truth**2
        errors[t - 1] = np.trapezoid(error, x) / np.pi
        new, share = 1 / n + (1 - 1 / n) * kernel**2 * fit, 1 / (t + 1)
        if workflow == "replace":
            share = 1.0
        square = (
            (1 - share) ** 2 * square + share**2 * new + 2 * share * (1 - share) * kernel * square
        )
        mean = mean * (1 - share + share * kernel)
    return errors


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_predict_errors(benchmark, record_other, workflow):
    """Integrated squared errors agree with known values, and with this page to rounding."""
    benchmark.group = "predict: integrated squared errors, N(0, 1), T = 100"

    def predicted():
        e = mc.Experiment(mc.KDE(THUMB), WORKFLOWS[workflow], SAMPLES, 100)
        return mc.predict(e)["mise"]

    errors = benchmark.pedantic(predicted, rounds=5, warmup_rounds=1)
    record_other(f"predict the errors of kernel densities, {workflow}, T = 100", "ms", 1000)

    np.testing.assert_allclose(1000 * errors[-1], SCALED_ERRORS[workflow], atol=5e-4, rtol=0)
    exact = page_errors(workflow, SAMPLES, np.full(100, THUMB))
    np.testing.assert_allclose(errors, exact, rtol=1e-9)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_optimal_bandwidths(benchmark, record_other, workflow):
    """The best schedule has the errors it says, beats the rule of thumb, and nothing near it."""
    benchmark.group = "optimal bandwidths, n = 100, T = 50"
    arguments = (None, WORKFLOWS[workflow], SAMPLES, 50)
    best = benchmark.pedantic(mc.optimal_bandwidths, arguments, rounds=3, warmup_rounds=1)
    record_other(f"optimal bandwidths, {workflow}, n = 100, T = 50", "ms", 1000)

    errors = page_errors(workflow, SAMPLES, best.bandwidths)
    np.testing.assert_allclose(best.mise, errors, rtol=1e-8)
    np.testing.assert_allclose(best.value, errors.sum(), rtol=1e-8)
    assert best.value < 0.95 * page_errors(workflow, SAMPLES, np.full(50, THUMB)).sum()
    for t in range(50):
        for factor in (0.99, 1.01):
            near = best.bandwidths.copy()
            near[t] *= factor
            assert page_errors(workflow, SAMPLES, near).sum() > best.value


def test_memory(benchmark, record_other, bench_seed):
    """Memory does not grow with the pairs: half a billion of them would take 4 GB."""
    benchmark.group = "score 10^5 rows at 5000 points, d = 2 (whole process)"
    command = ("-m", "benchmarks.memory", str(bench_seed))
    outcome = json.loads(benchmark.pedantic(python, command, rounds=1))
    benchmark.extra_info.update(outcome)
    name = "score 10^5 rows at 5000 points, d = 2, three tolerances"
    record_other(f"{name}: whole process", "s")
    record_other(f"{name}: peak memory beyond the inputs", "MiB", value=outcome["mib"])

    assert outcome["mib"] < 200
    exact, *others = outcome["means"]
    for mean, tolerance in zip(others, memory.TOLERANCES[1:], strict=True):
        np.testing.assert_allclose(mean, exact, rtol=1e-12, atol=tolerance)


def plain_loop(workflow, h, repeats, seed):
    """Return second moments (repeats, generations) of the loop, in plain NumPy."""
    rng, moments = np.random.default_rng(seed), np.empty((repeats, SMALL))
    for repeat in range(repeats):
        pool = rng.standard_normal(SMALL)
        for t in range(SMALL):
            rows = pool if workflow == "accumulate" else pool[-SMALL:]
            if workflow == "accumulate-subsample":
                rows = rng.choice(pool, SMALL, replace=False)
            moments[repeat, t] = np.mean(rows**2)
            batch = rng.choice(rows, SMALL) + h * rng.standard_normal(SMALL)
            pool = np.concatenate([pool, batch])
    return moments


def simulated(workflow, h, repeats, seed):
    """Return the same from the simulator."""
    e = mc.Experiment(mc.KDE(h), WORKFLOWS[workflow], SMALL, SMALL)
    return mc.simulate(e, repeats, seed)["second_moment"]


@pytest.mark.parametrize("workflow", WORKFLOWS)
@pytest.mark.parametrize("side", [plain_loop, simulated], ids=["NumPy", "modelcollapse"])
def test_many_replicates(benchmark, record_other, bench_seed, side, workflow):
    """Second moments agree with the theory, and not with that of a wider bandwidth."""
    benchmark.group = f"moments of {workflow}, n = 10, T = 10"
    ours, h = side is simulated, 0.5
    repeats = 10**5 if ours else PLAIN
    arguments = (workflow, h, repeats, bench_seed)
    moments = benchmark.pedantic(side, arguments, rounds=3)
    name = f"moments of kernel densities, {workflow}, n = 10, T = 10, replicate and generation"
    steps = repeats * SMALL
    record_other(f"{name}, {'modelcollapse' if ours else 'NumPy'}", "us", 1e6 / steps)

    theory, wrong = (
        mc.predict(mc.Experiment(mc.KDE(width), WORKFLOWS[workflow], SMALL, SMALL))
        for width in (h, 1.5 * h)
    )
    for t in range(SMALL):
        spread = theory.variances["second_moment"][t]
        testing.assert_mean(moments[:, t], theory["second_moment"][t], spread, **ERRORS)
    outcome = evidence.mean(moments[:, -1], wrong["second_moment"][-1], spread, **ERRORS)
    assert outcome.rejected
