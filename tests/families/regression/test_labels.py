"""Labels of the same inputs that are partly real: raw rows, exact risks, and the best weight."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.regression import LinearRegression
from modelcollapse.testing import assert_law, assert_mean, assert_same_law

T, NOISE = 4, 0.5


class Fading(mc.Web):
    """A web whose real labels count twice from generation 3 on, and the first batch not at all."""

    def source_weights(self, sizes):
        """Return weights of the real and of the sampled part of each batch."""
        real = np.array([t >= 1 for t in range(len(sizes))], float)
        real[0] = len(sizes) == 1
        sampled = real.copy()
        sampled[0] = 0.0
        if len(sizes) > 2:
            real *= 2
        total = real.sum() + sampled.sum()
        return real / total, sampled / total

    source_memory = None  # the parent's says other weights

    def training_rows(self, sizes, rng):
        """Return all rows, and their weights."""
        del rng
        real, sampled = self.source_weights(sizes)
        n, weights = sizes[0], [np.full(sizes[0], real[0] / sizes[0])]
        for t in range(1, len(sizes)):
            weights += [np.full(n, real[t] / n), np.full(n, sampled[t] / n)]
        return np.arange(sum(sizes)), np.concatenate(weights)


def weights_of(e, t):
    """Return the weight of each part, in the order in which they come."""
    return e.schedule.parts(t)


def slow_loop(e, rng):
    """Stack raw rows with their weights, and solve by the pseudo-inverse; return the risks."""
    model, true, n = e.model, e.truth.values, int(e.schedule.real[0])
    parts, w, risks = [], true, []
    inputs = rng.standard_normal((n, model.dim))
    for t in range(1, e.generations + 1):
        if model.design == "paired" and t > 1:
            inputs = rng.standard_normal((int(e.schedule.real[t - 1]), model.dim))
        for count, source in ((e.schedule.real, true), (e.schedule.sampled, w)):
            if count[t - 1]:
                noise = model.noise * rng.standard_normal(len(inputs))
                parts.append((inputs, inputs @ source + noise))
        weights = weights_of(e, t)
        rows = sum(len(x) for v, (x, _) in zip(weights, parts, strict=True) if v > 0)
        scaled = [
            (np.sqrt(v * rows / len(x)), x, y)
            for v, (x, y) in zip(weights, parts, strict=True)
            if v > 0
        ]
        A = [a * x for a, x, _ in scaled] + [np.sqrt(model.ridge) * np.eye(model.dim)]
        b = [a * y for a, _, y in scaled] + [np.zeros(model.dim)]
        w = np.linalg.lstsq(np.vstack(A), np.concatenate(b), rcond=1e-10)[0]
        risks.append(((w - true) ** 2).sum())
    return risks


@pytest.mark.parametrize("how", ["fresh-data", "pooled", "web", "fading"])
@pytest.mark.parametrize("design", ["fixed", "paired"])
def test_simulated_risks_have_the_slow_loop_s_law(design, how, seed):
    """With more and with fewer rows than inputs, and a penalty."""
    for (d, n), ridge in ((3, 9), 0.0), ((7, 3), 0.0), ((4, 6), 0.7), ((7, 3), 0.7):
        workflow = {
            "fresh-data": mc.FreshData(n, n, 0.3),
            "pooled": mc.FreshData(n, n),
            "web": mc.Web(n, n),
            "fading": Fading(n, n),
        }[how]
        model = LinearRegression(d, NOISE, ridge, design)
        e = mc.Experiment(model, workflow, n, T, truth=np.linspace(-1, 1, d))
        rng = np.random.default_rng([seed, d])
        by_loop = np.array([slow_loop(e, rng) for _ in range(250)])
        simulated = mc.simulate(e, 4_000, seed)["risk"]
        for t in range(T):
            assert_same_law(simulated[:, t], by_loop[:, t])


@pytest.mark.parametrize(
    ("n", "d", "risks"),
    [(10, 20, [1.6111, 1.2040, 1.1722, 1.1720]), (20, 8, [0.7273, 0.4900, 0.4503, 0.4495])],
)
def test_known_risks(n, d, risks):
    """New inputs, a weight of .618, |w*| = sigma = 1, generations 1, 2, 4 and 8."""
    model = LinearRegression(d, design="paired")
    p = mc.predict(mc.Experiment(model, mc.FreshData(n, n, 0.618), n, 8))
    assert p["risk"][[0, 1, 3, 7]] == pytest.approx(risks, abs=5e-5)
    assert p.limits["risk"] == pytest.approx(mc.mixed.mixed_label_risk(0.618, n, d, 1.0), rel=1e-12)
    assert p.fates["risk"].verdict == "bounded"


@pytest.mark.parametrize(
    ("n", "d", "signal", "best"),
    [
        (10, 20, 1.0, 0.6042971043),
        (50, 100, 5.0, 0.7211028714),
        (8, 10, 0.5, 0.5981554277),
        (10**9, 2 * 10**9, 0.0, 0.5615528128),
        (20, 8, 3.0, 0.6180339887),
        (10**6, 2, 0.0, 0.6180339887),
    ],
)
def test_known_best_weights(n, d, signal, best):
    """With new inputs; golden with more rows than inputs, whatever they are."""
    w = mc.mixed.best_label_weight(n, d, signal)
    assert w == pytest.approx(best, abs=6e-11)
    risks = mc.mixed.mixed_label_risk([w - 1e-3, w, w + 1e-3], n, d, signal)
    assert risks[1] < min(risks[0], risks[2])
    assert w >= 0.5


def test_the_best_weight_of_the_same_inputs_is_golden():
    """At every n and d, by the limits of the loops themselves."""
    golden = (5**0.5 - 1) / 2
    for n, d in ((10, 20), (20, 8), (3, 40)):
        limits = [
            mc.predict(mc.Experiment(LinearRegression(d), mc.FreshData(n, n, w), n, 2)).limits[
                "risk"
            ]
            for w in (golden - 1e-3, golden, golden + 1e-3)
        ]
        assert limits[1] < min(limits[0], limits[2])


@pytest.mark.parametrize(("n", "d"), [(9, 3), (4, 9)])
def test_one_set_of_inputs_has_means_variances_and_laws(n, d, seed):
    """Fresh labels in every generation, weighted, pooled and accumulated."""
    for workflow in (mc.FreshData(n, n, 0.3), mc.FreshData(n, n), mc.Web(n, n)):
        e = mc.Experiment(LinearRegression(d, NOISE), workflow, n, T)
        p, runs = mc.predict(e), mc.simulate(e, 20_000, seed)
        for t in range(T):
            for name in ("risk", "norm"):
                assert_mean(runs[name][:, t], p[name][t], p.variances[name][t])
            if n > d:
                assert_law(runs["risk"][:, t], p.laws["risk"][t].cdf)


def test_without_noise():
    """More inputs than columns: exact for ever; fewer: the signal's part, and no more."""
    for design in ("fixed", "paired"):
        model = LinearRegression(3, 0.0, design=design)
        e = mc.Experiment(model, mc.FreshData(5, 5, 0.4), 5, T)
        assert np.array_equal(mc.simulate(e, 20, 1)["risk"], np.zeros((20, T)))
        assert np.array_equal(mc.predict(e)["risk"], np.zeros(T))
        short = mc.Experiment(LinearRegression(6, 0.0, design=design), mc.FreshData(4, 4), 4, T)
        assert mc.predict(short).fates["risk"].verdict == "bounded"
        assert mc.simulate(short, 20, 1)["risk"].min() > 0
    # Eight rows of four inputs do not span six columns.
    paired = mc.Experiment(LinearRegression(6, 0.0, design="paired"), mc.FreshData(4, 4), 9, T)
    assert mc.predict(paired)["risk"][0] == 0
    assert mc.predict(paired)["risk"][1] > 0
    assert mc.simulate(paired, 20, 1)["risk"][:, 1].min() > 0


def test_a_weight_below_the_roundings_of_one():
    """Nothing is divided by zero: the risk grows like replace's, and its limit is infinite."""
    e = mc.Experiment(LinearRegression(3, design="paired"), mc.FreshData(9, 9, 1e-320), 9, 3)
    p = mc.predict(e)
    assert p["risk"] == pytest.approx([0.6, 1.2, 1.8], rel=1e-12)
    assert np.isinf(p.limits["risk"])


def test_infinite_within_one_row_of_the_columns():
    """In the first batch or in the later ones; the reason is given."""
    for first, later, from_ in ((5, 9, 1), (9, 4, 2)):
        model = LinearRegression(4, design="paired")
        p = mc.predict(mc.Experiment(model, mc.FreshData(later, later), first, 3))
        assert np.isinf(p["risk"]).tolist() == [t >= from_ for t in (1, 2, 3)]
        assert np.isinf(p.limits["risk"])
        assert f"from generation {from_} on" in p.notes["risk"]
        assert p.fates["risk"].verdict == "diverges"
    with pytest.raises(mc.InvalidInput, match="within one row"):
        mc.mixed.best_label_weight([10, 20], [20, 21])


@pytest.mark.parametrize(
    ("design", "workflow", "samples", "words"),
    [
        ("fixed", mc.FreshData(4, 5), 4, "other numbers of real and of sampled"),
        ("paired", mc.FreshData(4, 5), 4, "other numbers of real and of sampled"),
        ("paired", mc.Web(4, [4, 3, 4]), 4, "other numbers of real and of sampled"),
        ("fixed", mc.FreshData(4, 4), 5, "as many samples"),
        ("fixed", mc.Web(4, [4, 0, 4]), 5, "as many samples"),
    ],
)
def test_unequal_parts_are_refused(design, workflow, samples, words):
    """Two labels of the same inputs are as many."""
    with pytest.raises(mc.InvalidInput, match=words):
        mc.Experiment(LinearRegression(3, design=design), workflow, samples, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("weight", 0.0), ("weight", 1.1), ("rows", 0.5), ("signal", -1.0), ("noise", -1.0)],
)
def test_wrong_arguments_are_named(name, value):
    """A weight outside (0, 1], no row, a square or a variance below 0."""
    given = {"weight": 0.5, "rows": 10, "dim": 20, "signal": 1.0, "noise": 1.0, name: value}
    with pytest.raises(mc.InvalidInput, match=name):
        mc.mixed.mixed_label_risk(**given)
