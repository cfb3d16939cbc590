"""Import time, predictions, a million replicates and a hundred thousand generations."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks.cells import WORKFLOWS
from modelcollapse import evidence, testing

ROOT = Path(__file__).parents[1]
HEAVY = {
    *("joblib", "matplotlib", "numba", "pandas", "polars", "pytest", "scipy.stats", "sklearn"),
    *("sympy", "torch", "transformers"),
}


def python(*arguments):
    """Run a fresh interpreter and return what it prints."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own code


@pytest.mark.parametrize("package", ["numpy", "modelcollapse"])
def test_import(benchmark, record_other, package):
    """A fresh process imports the package, and none of the heavy ones with it."""
    benchmark.group = "import in a fresh process"
    code = f"import sys, {package}; print(*sys.modules)"
    modules = benchmark.pedantic(python, ("-c", code), rounds=7, warmup_rounds=1).split()
    record_other(f"python -c 'import {package}'", "s")

    assert package in modules
    assert not HEAVY & set(modules)


def exact_variance(workflow, n, generations):
    """Return E tr S_t / tr S_0 with ddof = 0, from recursions written for this page alone."""
    t = np.arange(1, generations + 1)
    if workflow == "replace":
        return (1 - 1 / n) ** t
    if workflow == "accumulate":
        return np.cumprod(1 - 1 / (n * t**2))
    pool, errors = 1 / n, np.empty(generations)  # the pool's squared error, and the fit's
    for k in t:
        errors[k - 1] = pool + (1 - pool) / n * (k * n - n) / (k * n - 1)
        fresh = errors[k - 1] + (1 - errors[k - 1]) / n
        pool = ((k**2 + 2 * k) * pool + fresh) / (k + 1) ** 2
    return 1 - errors


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_predict(benchmark, record_other, workflow):
    """Predictions agree with recursions written for this page, to rounding."""
    benchmark.group = "predict: expectations and their variances, d = 10, T = 100"
    quantities = ("variance", "squared_error")

    def predicted():
        e = mc.Experiment(mc.Gaussian(dim=10), WORKFLOWS[workflow], 100, 100)
        theory = mc.predict(e)
        return [theory[q] for q in quantities], [theory.variances[q] for q in quantities]

    (variance, squared_error), spreads = benchmark.pedantic(predicted, rounds=5, warmup_rounds=1)
    record_other(f"predict {workflow}, d = 10, T = 100", "ms", 1000)

    np.testing.assert_allclose(variance, exact_variance(workflow, 100, 100), rtol=1e-12)
    np.testing.assert_allclose(variance + squared_error, 1.0, rtol=1e-12)
    assert np.all(np.array(spreads) > 0)


def test_million_replicates(benchmark, record_other, bench_seed):
    """A million replicates agree with the theory at ten generations, within 2 GiB."""
    benchmark.group = "10^6 replicates of replace, d = 1, T = 100 (whole process)"
    command = ("-m", "benchmarks.million", str(bench_seed))
    outcome = json.loads(benchmark.pedantic(python, command, rounds=1))
    benchmark.extra_info.update(outcome)
    name = "10^6 replicates of replace, d = 1, T = 100, ten recorded"
    record_other(f"{name}: whole process", "s")
    record_other(f"{name}: peak memory", "GiB", value=outcome["peak_gib"])

    assert outcome["rejected"] == []
    assert outcome["peak_gib"] < 2


def test_hundred_thousand_generations(benchmark, record_other, bench_seed):
    """The log-determinant of a long collapse has the predicted mean, and nothing warns."""
    benchmark.group = "10^5 generations of replace, d = 3, 64 replicates"
    last = 10**5
    e, unbiased = (
        mc.Experiment(mc.Gaussian(dim=3, ddof=ddof), mc.Replace(), 100, last) for ddof in (0, 1)
    )
    mc.simulate(e, 1, at=[last])

    def run():
        with np.errstate(all="raise"):
            return mc.simulate(e, 64, bench_seed, at=[last])["log_determinant"][:, 0]

    values = benchmark.pedantic(run, rounds=1)
    record_other("10^5 generations of replace, d = 3, 64 replicates", "s")

    theory, wrong = mc.predict(e), mc.predict(unbiased)
    spread = theory.variances["log_determinant"][-1]
    testing.assert_mean(values, theory["log_determinant"][-1], spread)
    assert evidence.mean(values, wrong["log_determinant"][-1], spread).rejected
