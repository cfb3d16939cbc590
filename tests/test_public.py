"""Every public function has an example here, and what it returns travels between processes."""

import copy
import inspect
import pickle
from functools import partial

import joblib
import numpy as np
import polars as pl
import pytest

import modelcollapse as mc
from modelcollapse import sweep
from modelcollapse.loop.experiment import Interrupted

LEFT, RIGHT = np.random.default_rng(0).normal(size=(2, 12, 2))
REPLACE, LOOP = mc.Replace(), mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 4)
SMALL = mc.Experiment(mc.Discrete(2), REPLACE, 2, 2)
REGION = mc.Experiment(mc.RegionVerifier(), REPLACE, 10, 3)
DRAWN = np.random.default_rng(0).random(400)
NEAR = {"no collapse": mc.values.constant(1.0)}
DESIGN = mc.claims.Design(partial(mc.Experiment, mc.Gaussian(), REPLACE, 10, 4), 20_000)


def cdf(x):
    """Return the uniform law's."""
    return np.clip(x, 0, 1)


# What each public function returns, by the name of the module that is imported and its own.
RETURNED = {
    "modelcollapse": {
        "advise": lambda: mc.advise(50, 500, 12, fresh_real=5),
        "compare": lambda: mc.compare(DRAWN[:40], DRAWN[40:80], permutations=399),
        "described": lambda: mc.described(LOOP),
        "diagnose": lambda: mc.diagnose(mc.simulate(LOOP, 20)),
        "optimal_bandwidths": lambda: mc.optimal_bandwidths(None, REPLACE, 5, 2),
        "predict": lambda: mc.predict(LOOP),
        "run": lambda: mc.run(mc.Gaussian(), DRAWN, REPLACE, 10, 3),
        "simulate": lambda: mc.simulate(LOOP, 5),
        "theorems": lambda: mc.theorems("curated/*"),
        "verify": lambda: mc.verify("gaussian/replace/variance"),
        "verify_all": lambda: mc.verify_all(mc.theorems("mixed/*")[:2]),
        "verify_experiment": lambda: mc.verify_experiment(LOOP, effect=0.4),
    },
    "claims": {"mean_claim": lambda: mc.claims.mean_claim(DESIGN, "variance", 3, NEAR)},
    "values": {
        "constant": lambda: mc.values.constant(1.0),
        "expectation": lambda: mc.values.expectation("variance", 2, samples=5),
        "fixed": lambda: mc.values.fixed(2.0),
        "quantity": lambda: mc.values.quantity("variance", 2),
        "same": lambda: mc.values.same(mc.values.fixed(2.0), mc.values.fixed(2.0), 3),
        "spread": lambda: mc.values.spread("variance", 2),
    },
    "curated": {
        "break_down_point": lambda: mc.curated.break_down_point(0.9, 0.5),
        "contraction_rate": lambda: mc.curated.contraction_rate(1.0),
        "distance_bound": lambda: mc.curated.distance_bound(REGION),
        "error_bounds": lambda: mc.curated.error_bounds(REGION),
        "kept_label_error": lambda: mc.curated.kept_label_error(0.1, 0.9, 0.5),
        "majority_correct": lambda: mc.curated.majority_correct(5, 0.1, 0.9, 0.5),
        "population_means": lambda: mc.curated.population_means(0.0, 1.0, 1.0, generations=3),
        "variance_bounds": lambda: mc.curated.variance_bounds(REGION),
        "verified_round": lambda: mc.curated.verified_round(10, 10, 0.1, 1.0),
    },
    "datasets": {
        "blobs_mixture": lambda: mc.datasets.blobs_mixture(0),
        "load": lambda: mc.datasets.load("iris"),
        "paper": lambda: mc.datasets.paper("moons", 20, 0),
        "split": lambda: mc.datasets.split("moons", 20, 10, 0),
    },
    "discrete": {
        "exact_collapse_time": lambda: mc.discrete.exact_collapse_time(3, [0.5, 0.5]),
        "exact_first_loss_time": lambda: mc.discrete.exact_first_loss_time(3, [0.5, 0.5]),
        "all_different": lambda: mc.discrete.all_different(SMALL, 2),
        "exact_law": lambda: mc.discrete.exact_law(SMALL),
        "expected_collapse_time": lambda: mc.discrete.expected_collapse_time(3, [0.5, 0.5]),
        "finite_survival_bounds": lambda: mc.discrete.finite_survival_bounds(5, 0.2, 3),
        "poisson_survival": lambda: mc.discrete.poisson_survival(1.0, 3),
        "survival": lambda: mc.discrete.survival(5, 0.2, 3),
        "survival_bounds": lambda: mc.discrete.survival_bounds(1.0, 3),
        "zipf": lambda: mc.discrete.zipf(3),
    },
    "evidence": {
        "bernstein_mean": lambda: mc.evidence.bernstein_mean(DRAWN, 0.5, 0, 1),
        "bounded_mean": lambda: mc.evidence.bounded_mean(DRAWN, 0.5, 0, 1),
        "frequency": lambda: mc.evidence.frequency(5, 10, 0.5),
        "law": lambda: mc.evidence.law(DRAWN, cdf),
        "law_distance": lambda: mc.evidence.law_distance(cdf, cdf, DRAWN),
        "mean": lambda: mc.evidence.mean(DRAWN, 0.5, 1 / 12),
        "same_law": lambda: mc.evidence.same_law(DRAWN, DRAWN),
        "samples_needed": lambda: mc.evidence.samples_needed("law", 0.1),
    },
    "exponential": {},
    "gaussian": {
        "critical_temperature": lambda: mc.gaussian.critical_temperature(10),
        "minors": lambda: mc.gaussian.minors(LOOP),
        "tail_bound": lambda: mc.gaussian.tail_bound(LOOP, 0.5),
        "tail_exponent": lambda: mc.gaussian.tail_exponent(10),
    },
    "kde": {
        "critical_bandwidth": lambda: mc.kde.critical_bandwidth(10),
        "optimal_bandwidths": lambda: mc.kde.optimal_bandwidths(None, REPLACE, 5, 2),
    },
    "markov": {},
    "regression": {},
    "mixed": {
        "best_label_weight": lambda: mc.mixed.best_label_weight(10, 20),
        "break_even_synthetic": lambda: mc.mixed.break_even_synthetic(10, 20),
        "contraction": lambda: mc.mixed.contraction(0.5),
        "critical_share": lambda: mc.mixed.critical_share(0.1),
        "critical_share_at": lambda: mc.mixed.critical_share_at(1.0, 10),
        "fresh_critical_temperature": lambda: mc.mixed.fresh_critical_temperature(10, 10),
        "fresh_effective_samples": lambda: mc.mixed.fresh_effective_samples(10, 10),
        "fresh_fixed_point": lambda: mc.mixed.fresh_fixed_point(10, 10),
        "fresh_inflation": lambda: mc.mixed.fresh_inflation(10, 10),
        "harmless_shift": lambda: mc.mixed.harmless_shift(30, 10, 3),
        "kept_fixed_point": lambda: mc.mixed.kept_fixed_point(0.5, 10, 10),
        "kept_moments": lambda: mc.mixed.kept_moments(0.5, 10, 10),
        "kept_squared_error": lambda: mc.mixed.kept_squared_error(3, 0.5, 10, 10),
        "minimax_effective_samples": lambda: mc.mixed.minimax_effective_samples(
            [10, 10], [1.0, 0.5]
        ),
        "mixed_label_risk": lambda: mc.mixed.mixed_label_risk(0.6, 10, 20),
        "optimal_synthetic": lambda: mc.mixed.optimal_synthetic(10, 20),
        "optimal_weight": lambda: mc.mixed.optimal_weight(10, 10),
        "phase": lambda: mc.mixed.phase(0.5),
        "pooled_effective_samples": lambda: mc.mixed.pooled_effective_samples([10, 10], [1.0, 0.5]),
        "selected_fixed_point": lambda: mc.mixed.selected_fixed_point(0.6, mc.BestOf(2)),
        "selection_critical_share": lambda: mc.mixed.selection_critical_share(mc.BestOf(2)),
        "shared_generator_value": lambda: mc.mixed.shared_generator_value(10, 10),
        "smallest_share": lambda: mc.mixed.smallest_share(2.0, 10, 10),
        "stationary_law": lambda: mc.mixed.stationary_law(mc.Poisson(), 2),
        "strong_collapse_plateau": lambda: mc.mixed.strong_collapse_plateau(0.5, 1.0),
        "strong_collapse_risk": lambda: mc.mixed.strong_collapse_risk(30, 10, 3, 1.0),
        "synthetic_value": lambda: mc.mixed.synthetic_value(10, 10, 20),
        "weighted_synthetic_value": lambda: mc.mixed.weighted_synthetic_value(10, 10, 20),
    },
    "sample_metrics": {
        **{
            name: partial(getattr(mc.sample_metrics, name), LEFT, RIGHT)
            for name in mc.sample_metrics.NAMES
        },
        "named": lambda: mc.sample_metrics.named("energy_distance"),
    },
    "solver": {
        "best_budgets": lambda: mc.solver.best_budgets(8, [5, 5]),
        "best_weight": lambda: mc.solver.best_weight(10, 10),
        "effective_samples": lambda: mc.solver.effective_samples(REPLACE, [5, 5]),
        "error_variances": lambda: mc.solver.error_variances(REPLACE, [5, 5]),
        "estimation_gap": lambda: mc.solver.estimation_gap([3.2, 3.1], [100, 200]),
        "excess_law": lambda: mc.solver.excess_law(REPLACE, [5, 5], 2),
        "excess_loss": lambda: mc.solver.excess_loss(REPLACE, [5, 5], parameters=2),
        "exchange_errors": lambda: mc.solver.exchange_errors([[3, 1], [1, 3]], 4),
        "fate": lambda: mc.solver.fate(REPLACE, [5, 5]),
        "inflation": lambda: mc.solver.inflation(REPLACE, [5, 5]),
        "influence": lambda: mc.solver.influence(REPLACE, [5, 5]),
        "information": lambda: mc.solver.information(REPLACE, [5, 5]),
        "observer_errors": lambda: mc.solver.observer_errors(REPLACE, [5, 5]),
        "price": lambda: mc.solver.price(REPLACE, [5, 5]),
        "limit": lambda: mc.solver.limit(mc.Accumulate(), 5),
        "squared_errors": lambda: mc.solver.squared_errors(REPLACE, [5, 5]),
        "third_moments": lambda: mc.solver.third_moments(REPLACE, [5, 5]),
        "variance_fate": lambda: mc.solver.variance_fate(REPLACE, [5, 5]),
        "variances": lambda: mc.solver.variances(REPLACE, [5, 5]),
        "web_threshold": lambda: mc.solver.web_threshold(0.5),
        "window_rate": lambda: mc.solver.window_rate(2, 10, 0.5),
    },
}
CALLS = [(module, name) for module, calls in RETURNED.items() for name in calls]


def public(module):
    """Return the names of a module's functions."""
    names = getattr(module, "__all__", None) or [n for n in vars(module) if n.islower()]
    found = {name: getattr(module, name) for name in names if not name.startswith("_")}
    own = module.__name__.split(".")[0]
    return {
        name
        for name, value in found.items()
        if inspect.isfunction(value)
        and value.__module__.startswith(own)
        and (hasattr(module, "__all__") or value.__module__ == module.__name__)
    }


def test_every_public_function_has_an_example():
    """A new one needs a line above: then it is known that what it returns travels."""
    rooms = {name for name in mc.__all__ if inspect.ismodule(getattr(mc, name))}

    assert set(RETURNED) == {"modelcollapse", *rooms}
    assert set(RETURNED["modelcollapse"]) == public(mc)
    for room in rooms:
        assert set(RETURNED[room]) == public(getattr(mc, room)), room


@pytest.mark.parametrize(("module", "name"), CALLS, ids=[f"{m}.{n}" for m, n in CALLS])
def test_what_a_public_function_returns_travels(module, name):
    """Pickle, copy and deepcopy give the same object again, bit by bit."""
    value = RETURNED[module][name]()
    there = joblib.hash(value)

    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):  # noqa: S301
        assert type(again) is type(value)
        assert joblib.hash(again) == there


def test_replicates_travel():
    """All of them, with the tables of a run on texts."""
    table = pl.DataFrame({"size": LEFT[:, 0], "town": ["here", "there"] * 6})
    model = mc.FunctionEstimator(_kept, _again)
    runs = mc.run(model, table, REPLACE, 10, 3, replicates=2)

    again = pickle.loads(pickle.dumps(runs))  # noqa: S301 - our own
    assert np.array_equal(again["second_moment"], runs["second_moment"])
    assert again.runs[1].batches[2].equals(runs.runs[1].batches[2])


def _kept(X):
    return X


def _again(X, n, rng):
    return X[rng.integers(len(X), size=n)]


def test_a_sweeps_outcome_and_table_travel(tmp_path):
    """With cells that failed, and the frame of all results."""
    table = {"model": {"family": "gaussian"}, "workflow": {"name": "replace"}, "replicates": 5}
    cells = sweep.Sweep.of({**table, "samples": 10, "generations": 3})
    outcome = sweep.run(cells, tmp_path / "there")
    outcome.failed[cells.cells[0]] = "an error"

    for value in (cells, outcome):
        assert joblib.hash(pickle.loads(pickle.dumps(value))) == joblib.hash(value)  # noqa: S301
    frame = sweep.read(tmp_path / "there")
    assert pickle.loads(pickle.dumps(frame)).equals(frame)  # noqa: S301


def test_errors_travel():
    """With their message and what they hold."""
    runs = mc.simulate(LOOP, 5)
    stopped = pickle.loads(pickle.dumps(Interrupted(runs)))  # noqa: S301

    assert str(stopped) == str(Interrupted(runs))
    assert joblib.hash(stopped.finished) == joblib.hash(runs)
    for call in (lambda: mc.predict(3), lambda: mc.predict(LOOP).limits["entropy"]):
        with pytest.raises(mc.ModelCollapseError) as caught:
            call()
        again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
        assert (type(again), str(again)) == (caught.type, str(caught.value))
    with pytest.raises(mc.InvalidInput) as caught:
        mc.Rows([["a", "b"], ["c", "d"]])
    cause = pickle.loads(pickle.dumps(caught.value.__cause__))  # noqa: S301
    assert vars(cause) == vars(caught.value.__cause__)
