"""Workflows of one's own: right numbers in every family where their methods agree, else an error.

A class that extends a built-in one and changes any part of its schedule has none of its parent's
predictions, and one that changes nothing has all of them.
"""

import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import solver
from modelcollapse.diagnosis.theory import Theory
from modelcollapse.loop import consistency
from modelcollapse.loop.schedule import Schedule, counted
from modelcollapse.testing import WorkflowContract, strategies
from modelcollapse.workflows.selection import select

SIZES = [7, 5, 9, 7, 6, 8, 7, 7]
MATRIX = [[1] + [0] * t for t in range(8)]
PARENTS = (
    mc.Replace(),
    mc.Accumulate(),
    mc.AccumulateSubsample(6),
    mc.SlidingWindow(3),
    mc.KeepReal(),
    mc.Weighted(MATRIX),
    mc.FreshData(3, 4),
    mc.Web(2, 5),
)
SOURCES = (mc.SlidingWindow(2), mc.KeepReal(0.3), mc.Accumulate(), mc.Replace())
FAMILIES = {
    "gaussian": mc.Gaussian(),
    "gaussian-unbiased": mc.Gaussian(ddof=1),
    "gaussian-2d": mc.Gaussian(2),
    "kde": mc.KDE(0.4),
    "normal-mean": mc.NormalMean(),
    "poisson": mc.Poisson(),
    "binomial": mc.Binomial(3),
    "discrete": mc.Discrete(3),
    "regression": mc.LinearRegression(2),
}
DETERMINISTIC = ("batch_weights", "memory")
FRESH = ("real_rows", "batch_sizes", "source_weights", "source_memory")


def check(workflow, sizes):
    """Compare a workflow's methods; return the generations that were not."""
    return consistency.check(Schedule(workflow, np.array(sizes)))


def child(parent, **own):
    """Return an object that extends a built-in workflow and overrides what is given."""
    kind = type(f"Own{type(parent).__name__}", (type(parent),), {"name": "mine", **own})
    fields = {name: getattr(parent, name) for name in parent.__dataclass_fields__}
    return kind(**fields)


def method(source, name):
    """Return a method of another workflow, as one of a class."""
    return lambda _, *arguments: getattr(source, name)(*arguments)


def disguised(parent, source, names=("training_rows", *DETERMINISTIC)):
    """Return a child of one workflow that does what another one does."""
    own = {name: method(source, name) for name in names}
    if len(names) == 3:
        own |= dict.fromkeys(name for name in FRESH if hasattr(parent, name)) | own
    return child(parent, **own)


def rows_of(workflow, sizes=SIZES):
    """Return the row weights at every generation, as the plain loop has them."""
    found = []
    for t in range(1, len(sizes) + 1):
        rows, weights = select(workflow, sizes[:t], np.random.default_rng(0))
        found.append(np.bincount(rows, weights, sum(sizes[:t])) / len(rows))
    return found


def samples(workflow, family):
    """Return the batch sizes of a loop: a fixed design has one size, fresh data set their own."""
    fresh = isinstance(workflow, (mc.FreshData, mc.Web)) and workflow.real_rows is not None
    return 7 if fresh or family == "regression" else SIZES


def mappings(prediction):
    """Return all that is predicted, as plain values."""
    parts = ("expected", "variances", "laws", "limits", "exponents", "fates")
    return {
        (part, name): value
        for part in parts
        for name, value in (
            (n, getattr(prediction, part).get(n)) for n in getattr(prediction, part)
        )
        if value is not None
    }


def assert_same(one, other):
    """Two mappings hold the same names and the same numbers."""
    assert one.keys() == other.keys()
    for key, value in one.items():
        if key[0] == "laws":
            at = [law.cdf(0.7) for law in value], [law.cdf(0.7) for law in other[key]]
            np.testing.assert_allclose(*at, rtol=1e-12, atol=1e-15)
        elif key[0] == "fates":
            assert value == other[key]
        else:
            np.testing.assert_allclose(value, other[key], rtol=1e-9, atol=1e-12, err_msg=str(key))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("parent", PARENTS, ids=repr)
def test_a_child_that_changes_no_schedule_is_its_parent(parent, family):
    """A name of one's own changes nothing: predictions, laws, limits, fates, and bits."""
    if family == "regression" and isinstance(parent, (mc.FreshData, mc.Web)):
        pytest.skip("a fixed design has no fresh rows")
    e = mc.Experiment(FAMILIES[family], parent, samples(parent, family), 5)
    mine = replace(e, workflow=child(parent))
    p, bits = mc.predict(mine), mc.simulate(mine, 5)

    assert_same(mappings(p), mappings(mc.predict(e)))
    assert p.experiment is mine
    assert bits.experiment is mine
    for name, values in mc.simulate(e, 5).values.items():
        assert values.tobytes() == bits[name].tobytes()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("source", SOURCES, ids=repr)
@pytest.mark.parametrize("parent", PARENTS, ids=repr)
def test_a_child_that_changes_its_schedule_has_its_own_numbers(parent, source, family):
    """What it overrides is what is predicted, and nothing of its parent's is."""
    built_in = mc.Experiment(FAMILIES[family], source, 7 if family == "regression" else SIZES, 6)
    mine = replace(built_in, workflow=disguised(parent, source))
    expected, own = mc.predict(built_in).expected, mc.predict(mine).expected

    compared = [name for name in own if name in expected]
    assert compared
    for name in compared:
        np.testing.assert_allclose(own[name], expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_child_is_simulated_as_it_is_predicted(family, seed):
    """The loop that redesigned its parent agrees with its prediction, and not its parent's."""
    last_two = disguised(mc.Replace(), mc.SlidingWindow(2))
    e = mc.Experiment(FAMILIES[family], last_two, 12, 8)
    verdicts = mc.verify_experiment(e, effect=0.1, seed=seed, seconds=0.5)
    predicted = [verdict for verdict in verdicts if "/loop-" not in verdict.slug]

    assert predicted
    assert {verdict.verdict for verdict in predicted} == {"holds"}
    assert any("replace's" in verdict.near_misses for verdict in predicted)
    assert "fails" not in {verdict.verdict for verdict in verdicts}


def test_last_two():
    """The loop that was predicted as replace, 0.4985, by a subclass of it; it is 0.7089."""
    last_two = disguised(mc.Replace(), mc.SlidingWindow(2))
    p = mc.predict(mc.Experiment(mc.Gaussian(), last_two, 12, 8))

    assert p["variance"][-1] == pytest.approx(0.7089, abs=5e-5)
    assert not p.laws
    assert "variance" not in p.limits


@pytest.mark.parametrize(
    "names",
    [
        ("training_rows",),
        ("batch_weights",),
        ("memory",),
        ("training_rows", "memory"),
        ("training_rows", "batch_weights"),
        ("batch_weights", "memory"),
    ],
    ids=", ".join,
)
@pytest.mark.parametrize("parent", [PARENTS[i] for i in (0, 1, 3, 4)], ids=repr)
def test_half_a_schedule_is_refused(parent, names):
    """Overriding one or two of three methods leaves the others of the parent: they disagree."""
    mine = disguised(parent, mc.KeepReal(0.3), names)
    named = (
        {"memory"} if "training_rows" in names and "batch_weights" in names else {*DETERMINISTIC}
    )
    with pytest.raises(mc.InvalidInput) as caught:
        mc.Experiment(mc.Gaussian(), mine, SIZES, 8)
    assert any(f" {name}" in str(caught.value) for name in named), caught.value
    with pytest.raises(mc.InvalidInput):
        solver.squared_errors(mine, SIZES)


@pytest.mark.parametrize(
    ("parent", "other", "name"),
    [
        (mc.FreshData(3, 4), mc.Accumulate(), "training_rows"),
        (mc.FreshData(3, 4), mc.FreshData(2, 6), "real_rows"),
        (mc.FreshData(3, 4), mc.FreshData(2, 6), "batch_sizes"),
        (mc.FreshData(3, 4), mc.FreshData(2, 6), "source_weights"),
        (mc.FreshData(3, 4), mc.FreshData(9, 9), "real_rows"),
        (mc.FreshData(3, 4), mc.Web(3, 4), "source_memory"),
        (mc.Web(2, 5), mc.FreshData(2, 5), "training_rows"),
        (mc.Web(2, 5), mc.FreshData(2, 5), "source_weights"),
        (mc.Web(2, 5), mc.FreshData(2, 5), "source_memory"),
    ],
)
def test_half_a_schedule_of_fresh_data_is_refused(parent, other, name):
    """So do the methods of a workflow that brings fresh real rows."""
    with pytest.raises(mc.InvalidInput, match=rf"{name}|source_weights"):
        mc.Experiment(mc.Gaussian(), disguised(parent, other, (name,)), 7, 8)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "regression"])
def test_a_web_of_ones_own_has_its_own_numbers(family):
    """Methods that follow from those that are overridden agree with them."""
    mine = disguised(mc.Web(1, 3), mc.Web(2, 5), ("real_rows", "batch_sizes"))
    e = mc.Experiment(FAMILIES[family], mine, 7, 6)
    own, expected = mc.predict(e), mc.predict(replace(e, workflow=mc.Web(2, 5))).expected

    assert e.schedule.rule == ""
    for name, values in own.expected.items():
        if name in expected:
            np.testing.assert_allclose(values, expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("parent", [PARENTS[i] for i in (0, 1, 3, 4)], ids=repr)
def test_a_method_that_says_the_same_in_another_way_is_accepted(parent):
    """Rows in another order are the same rows: the numbers are the parent's."""

    def backwards(self, sizes, rng):
        rows = type(parent).training_rows(self, sizes, rng)
        return rows[::-1]

    mine = mc.Experiment(mc.Gaussian(), child(parent, training_rows=backwards), SIZES, 8)
    expected = mc.predict(replace(mine, workflow=parent))

    np.testing.assert_allclose(mc.predict(mine)["variance"], expected["variance"], rtol=1e-12)


def test_a_helper_makes_a_schedule_too():
    """A property that the methods read is a part of the schedule."""
    mine = child(mc.FreshData(3, 4), real_weight=property(lambda _: 0.9))
    assert counted(mine) is None
    assert counted(mc.FreshData(3, 4)) == mc.FreshData(3, 4)


def test_a_method_of_the_object_counts():
    """A method that was set on one object is not its class's."""
    mine = mc.Replace()
    object.__setattr__(mine, "training_rows", mc.Accumulate().training_rows)
    with pytest.raises(mc.InvalidInput, match="batch_weights"):
        mc.Experiment(mc.Gaussian(), mine, SIZES, 8)


def test_a_random_subset_of_ones_own_is_not_the_parents():
    """A training size of one's own changes the rows: nothing is predicted by the parent's."""
    larger = child(mc.AccumulateSubsample(3), training_size=lambda _, sizes: sizes[-1])
    e = mc.Experiment(mc.Gaussian(), larger, 7, 8)

    assert "variance" not in mc.predict(e)
    assert mc.simulate(e, 3)["variance"].shape == (3, 8)


def test_an_attribute_makes_no_workflow():
    """A workflow of one's own with an attribute k = 1 is no window of one batch."""
    pool = type("Pool", (), {"k": 1, "budget": 2, "share": 0.5})
    for name in ("training_rows", *DETERMINISTIC):
        setattr(pool, name, method(mc.Accumulate(), name))
    for model in FAMILIES.values():
        e = mc.Experiment(model, pool(), 7, 6)
        own, expected = (
            mc.predict(one).expected for one in (e, replace(e, workflow=mc.Accumulate()))
        )
        for name in own.keys() & expected.keys():
            np.testing.assert_allclose(own[name], expected[name], rtol=1e-9, atol=1e-12)


class Claims:
    """A workflow that says that it is replace, and does as it is told with the last batch."""

    def __init__(self, does):
        self.does = does

    def __repr__(self):
        return "Claims()"

    def training_rows(self, sizes, rng):
        """Choose from the last batch."""
        return self.does(np.arange(sum(sizes[:-1]), sum(sizes)), rng)

    def batch_weights(self, sizes):
        """Return 0, ..., 0, 1."""
        return np.eye(len(sizes))[-1]


DOES = {
    "half": lambda rows, _: rows[: (len(rows) + 1) // 2],
    "bootstrap": lambda rows, rng: rng.choice(rows, len(rows)),
    "twice": lambda rows, _: np.repeat(rows, 2),
    "chance": lambda rows, rng: (rows, rng.random(len(rows))),
    "uneven": lambda rows, _: (rows, np.arange(1.0, len(rows) + 1)),
    "subset": lambda rows, rng: rng.permutation(rows)[:3],
}


@pytest.mark.parametrize("does", DOES)
def test_rows_that_the_weights_do_not_say_are_refused(does):
    """By the experiment, the solver and the contract alike, which share one check."""
    mine = Claims(DOES[does])
    with pytest.raises(mc.InvalidInput, match=r"training_rows .*row") as caught:
        mc.Experiment(mc.Gaussian(), mine, 6, 4)
    assert "batch_weights" in str(caught.value)
    for function in (solver.squared_errors, solver.variances, solver.fate, solver.influence):
        with pytest.raises(mc.InvalidInput, match="training_rows"):
            function(mine, [6] * 4)
    with pytest.raises(AssertionError, match="training_rows"):
        WorkflowContract().test_batch_weights_agree_with_rows(mine)


def test_weights_that_depend_on_chance_are_refused():
    """Weights say what is done in every run."""
    mine = Claims(lambda rows, _: rows)
    rng = np.random.default_rng(0)
    mine.batch_weights = lambda sizes: rng.dirichlet(np.ones(len(sizes)))
    with pytest.raises(mc.InvalidInput, match="batch_weights says two different things"):
        mc.Experiment(mc.Gaussian(), mine, 6, 4)


@pytest.mark.parametrize("lacking", FRESH[:3])
def test_fresh_rows_need_all_methods(lacking):
    """A workflow with some of the methods of fresh real rows would be taken for one without."""
    mine = disguised(mc.Replace(), mc.FreshData(3, 4), [n for n in FRESH[:3] if n != lacking])
    with pytest.raises(mc.InvalidInput, match=f"no {lacking}"):
        mc.Experiment(mc.Gaussian(), mine, 7, 4)


@pytest.mark.parametrize(
    ("wrong", "sizes"),
    [
        (7, [5] * 12),  # all are compared
        (1024, [1] * 1500),  # powers of two
        (1500, [1] * 1500),  # the last
        (701, [1] * 700 + [3] + [1] * 799),  # where the batches change
        (702, [1] * 700 + [3] + [1] * 799),
    ],
)
def test_a_difference_is_found_where_it_begins(wrong, sizes, monkeypatch):
    """One generation that trains on other rows than it says is found, and named."""
    monkeypatch.setattr(consistency, "SECONDS", 1.0)

    class Once(mc.Replace):
        def training_rows(self, sizes, rng):
            return super().training_rows(sizes, rng)[: None if len(sizes) != wrong else 0]

    class Other(mc.Replace):
        def training_rows(self, sizes, rng):
            rows = super().training_rows(sizes, rng)
            return rows - 1 if len(sizes) == wrong else rows

    for kind in (Once, Other):
        with pytest.raises(mc.InvalidInput, match=f"at generation {wrong}"):
            check(kind(), sizes)


def test_what_was_not_compared_is_said(monkeypatch):
    """Beyond a million rows, or the time, generations are left out, and returned."""
    same = child(mc.Replace(), training_rows=method(mc.Replace(), "training_rows"))
    monkeypatch.setattr(consistency, "SECONDS", 60.0)
    assert check(same, [10] * 30) == []
    assert check(mc.Replace(), [10**9] * 30) == []
    assert check(same, [10**9] * 3) == [1, 2, 3]
    said = mc.predict(mc.Experiment(mc.Gaussian(), same, 10**9, 3)).reasons["workflow"]
    assert "not compared with each other at 3 of 3 generations, the first of them 1" in said
    assert "workflow" not in mc.predict(mc.Experiment(mc.Gaussian(), same, 9, 3)).reasons
    assert check(same, [70_000] * 5) == [4]  # 1, 2, 3, 5: eleven batches; then 4
    monkeypatch.setattr(consistency, "SECONDS", 0.0)
    assert check(same, [1] * 9) == list(range(4, 10))


def test_a_schedule_travels():
    """What a workflow of one's own trains on can be sent to other processes."""
    sent = pickle.loads(pickle.dumps(Schedule(Claims(None), np.array([1, 3]))))  # noqa: S301
    assert repr(sent) == "Claims()"
    sent = pickle.loads(pickle.dumps(Schedule(mc.Accumulate(), np.array([1, 3]))))  # noqa: S301
    assert np.add(*sent.weights(2)).tolist() == [0.25, 0.75]
    assert sent.pool


def test_a_diagnosis_takes_nothing_from_the_parent():
    """Replace's proof that the variance vanishes is not a window's, nor an average's."""
    first = disguised(mc.Replace(), mc.Weighted(MATRIX), ("training_rows", "batch_weights"))
    object.__setattr__(first, "memory", None)
    e = mc.Experiment(mc.Binomial(3), first, 7, 8)
    mine, parents = (mc.diagnose(one) for one in (e, replace(e, workflow=mc.Replace())))

    assert parents["variance_collapse"].verdict == "holds"
    assert mine["variance_collapse"].verdict != "holds"
    named = mc.diagnose(replace(e, workflow=child(mc.Replace())))
    assert named["variance_collapse"] == parents["variance_collapse"]


@pytest.mark.parametrize("workflow", PARENTS, ids=repr)
def test_what_a_variance_of_zero_means(workflow):
    """It stays where all rows are those of a batch without variance, or there never is one."""
    e = mc.Experiment(mc.Binomial(3), workflow, 7, 8)
    stays = isinstance(workflow, (mc.Replace, mc.Accumulate, mc.SlidingWindow, mc.KeepReal))

    assert Theory(e).absorbs() == stays
    assert not Theory(replace(e, workflow=Claims(lambda rows, _: rows))).absorbs()


@settings(max_examples=150)
@given(st.data())
def test_any_workflow_that_agrees_with_itself_has_its_own_numbers(data):
    """Whatever class it extends: the numbers of the built-in workflow that does the same."""
    mine, source = data.draw(strategies.own(8))
    sizes = data.draw(strategies.sizes(least=2, generations=8))
    model = data.draw(st.sampled_from([mc.Gaussian(), mc.NormalMean(), mc.Discrete(3)]))
    built_in = mc.Experiment(model, source, sizes, len(sizes))
    expected, own = mc.predict(built_in), mc.predict(replace(built_in, workflow=mine))

    assert "squared_error" in own
    for name in own.expected.keys() & expected.expected.keys():
        assert own[name] == pytest.approx(expected[name], rel=1e-9, abs=1e-12)
    for errors in (solver.squared_errors, solver.variances):
        assert errors(mine, sizes, -0.3) == pytest.approx(errors(source, sizes, -0.3), rel=1e-9)


@settings(max_examples=150)
@given(st.data())
def test_any_workflow_that_contradicts_itself_is_refused(data):
    """Where it does so first, by name."""
    sizes = data.draw(strategies.sizes(generations=8).filter(lambda sizes: sum(sizes) > 1))
    mine, where = data.draw(strategies.contradictory(sizes))
    with pytest.raises(mc.InvalidInput, match=f"at generation {where} training_rows"):
        mc.Experiment(mc.Gaussian(), mine, sizes, len(sizes))


@settings(max_examples=60)
@given(strategies.workflows(8))
def test_any_built_in_workflow_is_itself(workflow):
    """And so is a child of it that changes nothing."""
    expected = mc.Replace() if workflow == mc.SlidingWindow(1) else workflow

    assert counted(workflow) == expected
    assert counted(child(workflow)) == expected
    assert type(counted(child(workflow))) is type(expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_window_of_one_batch_is_replace(family):
    """It has all of its predictions, laws, limits and fates, and its bits."""
    e = mc.Experiment(FAMILIES[family], mc.Replace(), 7, 5)
    window = replace(e, workflow=mc.SlidingWindow(1))

    assert_same(mappings(mc.predict(window)), mappings(mc.predict(e)))
    for name, values in mc.simulate(e, 5).values.items():
        assert values.tobytes() == mc.simulate(window, 5)[name].tobytes()


@pytest.mark.parametrize(("sizes", "wrong"), [([10_000] * 101, 50), ([1_100_000] * 3, 2)])
def test_few_rows_show_what_many_would(sizes, wrong):
    """Where comparing all rows of all generations would take too long, and it is confirmed."""

    def rows(sizes, rng):
        del rng
        first = sum(sizes[:-1]) if len(sizes) == wrong else 0
        return np.arange(first, sum(sizes))

    mine = Claims(None)
    mine.training_rows, mine.batch_weights = rows, mc.Accumulate().batch_weights
    with pytest.raises(mc.InvalidInput, match=f"at generation {wrong} training_rows"):
        mc.Experiment(mc.Gaussian(), mine, sizes, len(sizes))

    def many(sizes, rng):
        return np.arange(sum(sizes)) if max(sizes) > 5 else rows(sizes, rng)

    mine.training_rows = many
    assert mc.Experiment(mc.Gaussian(), mine, sizes, len(sizes)).unseen


def test_a_memory_that_changes_late_is_found():
    """Seven hundred generations of a pool, then the last batch alone."""
    mine = Claims(None)
    mine.training_rows = mc.Accumulate().training_rows
    mine.batch_weights = mc.Accumulate().batch_weights
    mine.memory = lambda sizes: (mc.Accumulate() if len(sizes) < 300 else mc.Replace()).memory(
        sizes
    )
    with pytest.raises(mc.InvalidInput, match="at generation 300 memory gives the weights"):
        check(mine, [5] * 320)


def test_a_field_that_is_computed_is_not_the_built_ins():
    """It may differ from one look to the next, and a snapshot of it would be wrong."""
    budgets = iter(range(2, 10**6))
    kind = type("Own", (mc.AccumulateSubsample,), {"budget": property(lambda _: next(budgets))})
    mine = object.__new__(kind)

    assert counted(mine) is None
    assert "variance" not in mc.predict(mc.Experiment(mc.Gaussian(), mine, 20, 6))


@pytest.mark.parametrize(
    ("workflow", "plain"),
    [
        (mc.SlidingWindow(np.uint8(3)), mc.SlidingWindow(3)),
        (mc.AccumulateSubsample(np.uint8(4)), mc.AccumulateSubsample(4)),
        (mc.KeepReal(Fraction(1, 3)), mc.KeepReal(1 / 3)),
        (mc.FreshData(2, 3, Fraction(1, 4)), mc.FreshData(2, 3, 0.25)),
        (mc.Weighted([[1.0, -0.0], [-0.0, 1.0]]), mc.Weighted([[1, 0], [0, 1]])),
    ],
    ids=repr,
)
def test_numbers_of_other_types_are_the_same_numbers(workflow, plain):
    """Small integers do not wrap around, fractions are floats, and -0 is 0."""
    assert workflow == plain
    assert hash(workflow) == hash(plain)
    e = mc.Experiment(mc.Gaussian(), plain, np.int16(7), np.uint8(2), temperature=Fraction(3, 2))
    mine = replace(e, workflow=workflow)
    assert mc.predict(mine)["variance"] == pytest.approx(mc.predict(e)["variance"], rel=0)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"batch_weights": lambda z: np.array(z) / sum(z) + 5j}, "array of real numbers"),
        ({"batch_weights": lambda z: ["0.5"] * len(z)}, "array of real numbers"),
        ({"batch_weights": lambda _: [[1], [1, 2]]}, "rows of different lengths"),
        ({"batch_weights": lambda _: None}, "gave None"),
        ({"batch_weights": 3}, "3 cannot be called"),
        ({"training_rows": lambda z, _: tuple(range(sum(z)))}, "a tuple of 4 entries"),
        ({"training_rows": lambda z, _: (range(sum(z)), ["a"] * sum(z))}, "array of real numbers"),
        ({"memory": lambda _: None}, "memory at generation 1 gave None: return two arrays"),
        ({"memory": lambda _: (["a"], [1.0])}, "array of real numbers"),
        ({"memory": 3}, "3 cannot be called"),
    ],
)
def test_what_a_method_gives_is_checked(methods, message):
    """Anything but numbers of the right shape is one clear error."""
    usual = {
        "training_rows": lambda z, _: np.arange(sum(z)),
        "batch_weights": lambda z: z / np.sum(z),
    }
    mine = Claims(None)
    for name, value in (usual | methods).items():
        setattr(mine, name, value)
    with pytest.raises(mc.InvalidInput, match=message):
        mc.Experiment(mc.Gaussian(), mine, 4, 3)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"batch_sizes": lambda f, T: np.array([f] + [4.5] * (T - 1))}, "4 whole numbers"),
        ({"batch_sizes": lambda f, T: [f] * (T + 3)}, "4 whole numbers"),
        ({"batch_sizes": lambda f, T: [f] * (T - 1)}, "4 whole numbers"),
        ({"batch_sizes": lambda _, T: [9] * T}, "the first of them 5"),
        ({"batch_sizes": lambda *_: None}, "4 whole numbers"),
        ({"real_rows": lambda _: 2.5}, r"real_rows\(2\) = 2.5"),
        ({"real_rows": lambda _: None}, r"real_rows\(2\) = None"),
        ({"source_weights": lambda _: None}, "gave None: return two arrays"),
        ({"source_weights": lambda z: (np.full(len(z), np.nan),) * 2}, "sum to 1"),
        ({"source_weights": lambda z: (np.ones(len(z)) * 1j,) * 2}, "array of real numbers"),
    ],
)
def test_what_a_method_of_fresh_data_gives_is_checked(methods, message):
    """Sizes are whole numbers, as many as generations; so are real rows."""
    with pytest.raises(mc.InvalidInput, match=message):
        mc.Experiment(
            mc.Gaussian(),
            child(
                mc.FreshData(2, 2), **{name: staticmethod(value) for name, value in methods.items()}
            ),
            5,
            4,
        )
