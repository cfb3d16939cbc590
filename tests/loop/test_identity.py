"""What an experiment is, as plain data: equal for equal experiments, and enough to build them."""

import json
import operator
import re
import subprocess
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.datasets import load
from modelcollapse.loop.json_data import plain
from modelcollapse.testing import strategies
from modelcollapse.workflows import curves
from tests.helpers.theirs import Uniform

T = 4
X = np.random.default_rng(0).normal(size=(7, 2))
LOOPS = strategies.experiments(T)


def loop(**changes):
    """Build an experiment from defaults and changes."""
    return mc.Experiment(
        **{"model": mc.Gaussian(2), "workflow": mc.Replace(), "samples": 5} | changes
    )


@given(e=LOOPS)
def test_an_experiment_is_built_again_from_what_it_says(e):
    """Through strict JSON, whatever the order of keys; arrays are known by their digest alone."""
    data = json.loads(json.dumps(mc.described(e), allow_nan=False))
    truth = e.truth if "sha256" in repr(data["truth"]) else None
    again = mc.Experiment.from_dict(dict(reversed(data.items())), truth=truth)

    assert data == mc.described(e)
    assert e == replace(e) == again
    assert hash(e) == hash(again)
    assert mc.described(again) == data
    assert type(again.model) is type(e.model)
    assert e.identity == again.identity == replace(e).identity


def parts(e, name):
    """Return one of the things that a loop is, so that equal ones are ==."""
    if name == "model":
        told = e.model.get_params()
        cut = {key: v[: e.generations] for key, v in told.items() if isinstance(v, tuple)}
        return type(e.model), told | cut
    return e.sizes.tolist() if name == "samples" else getattr(e, name)


@given(one=LOOPS, other=LOOPS, name=st.sampled_from(["model", "samples", "sampling"]))
def test_another_argument_is_another_experiment(one, other, name):
    """Any one of them, where its value is another."""
    try:
        changed = replace(one, **{name: getattr(other, name)})
    except mc.InvalidInput:  # it does not fit the other parts
        return
    same = parts(one, name) == parts(changed, name)
    assert (one == changed) == same
    assert (mc.described(one) == mc.described(changed)) == same


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "model",
            [mc.Gaussian(2), mc.Gaussian(2, 1), mc.KDE(0.5, dim=2), mc.KDE(0.5, "tophat", 2)],
        ),
        (
            "workflow",
            [
                mc.Replace(),
                mc.Accumulate(),
                mc.AccumulateSubsample(),
                mc.AccumulateSubsample(5),
                mc.AccumulateSubsample([5] * 49 + [6]),
                mc.AccumulateSubsample(lambda t: 6 if t == 49 else 5),
                mc.SlidingWindow(1),
                mc.SlidingWindow(2),
                mc.KeepReal(),
                mc.KeepReal(0.5),
                mc.FreshData(2, 3),
                mc.FreshData(2, 3, 0.5),
                mc.Web(2, 3),
                mc.Web([2] * 49, 3),
                curves.growing(5, 0.2, 0.5),
                curves.growing(6, 0.2, 0.5),
            ],
        ),
        ("samples", [5, 6, [5] * 49 + [6]]),
        ("generations", [50, 49]),
        (
            "truth",
            [
                None,
                mc.Normal([0, 1], np.eye(2)),
                mc.NormalMixture([1], [[0, 1]], [np.eye(2)]),
                X,
                -X,
            ],
        ),
        ("temperature", [1.0, 2.0]),
    ],
)
def test_each_argument_tells_experiments_apart(name, values):
    """Pairwise; an experiment is no other thing."""
    made = [loop(**{name: value}) for value in values]
    for i, e in enumerate(made):
        assert [e == other for other in made] == [i == j for j in range(len(made))]
    assert len(set(made)) == len(made)
    assert made[0] != mc.described(made[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"samples": 5}, {"samples": np.int64(5)}),
        ({"samples": 5}, {"samples": [5] * 60}),
        ({"samples": 5}, {"samples": lambda _: 5}),
        ({"generations": 3}, {"generations": np.int8(3)}),
        ({"temperature": 2}, {"temperature": np.float32(2.0)}),
        ({"workflow": mc.KeepReal(0.5)}, {"workflow": mc.KeepReal(np.float64(0.5))}),
        ({"workflow": mc.SlidingWindow(2)}, {"workflow": mc.SlidingWindow(np.uint8(2))}),
        ({"workflow": mc.Web([2] * 49, 3)}, {"workflow": mc.Web(lambda _: 2, np.int64(3))}),
        ({"workflow": mc.Web([2] * 49, 3)}, {"workflow": mc.Web([2] * 99, 3)}),
        ({"truth": None}, {"truth": mc.Normal([-0.0, 0], [[1, 0], [0, 1]])}),
        ({"truth": X}, {"truth": mc.Rows(X.tolist(), "mine")}),
        ({"truth": np.array([[0, 0], [1, 1]])}, {"truth": [[-0.0, 0], [1, 1]]}),
        ({"model": mc.KDE(1, dim=2)}, {"model": mc.KDE(np.float32(1), "gaussian", np.int64(2))}),
        (
            {"model": mc.KDE([1 / t for t in range(1, 51)], dim=2)},
            {"model": mc.KDE(lambda t: 1 / t, dim=2)},
        ),
        (
            {"workflow": mc.Weighted([[1], [0.5, 0.5], [0, 0, 1]]), "generations": 2},
            {"workflow": mc.Weighted(np.array([[1, 0], [0.5, 0.5]])), "generations": 2},
        ),
        ({"model": mc.Gamma(2), "truth": 1}, {"model": mc.Gamma(2.0), "truth": np.float64(1)}),
        (
            {"model": mc.Discrete(3), "truth": None},
            {"model": mc.Discrete(np.int64(3)), "truth": [1 / 3] * 3},
        ),
    ],
)
def test_what_is_the_same_is_equal(one, other):
    """Numbers of any type, sequences beyond the last generation, functions that give the same."""
    one, other = (loop(**given) for given in (one, other))
    assert one == other
    assert (hash(one), mc.described(one)) == (hash(other), mc.described(other))


def test_what_is_described():
    """A few documents, whole."""
    assert mc.described(loop(workflow=mc.KeepReal(0.5), generations=3)) == {
        "model": {"model": "gaussian", "dim": 2, "ddof": 0},
        "workflow": {"name": "keep-real", "share": 0.5},
        "samples": 5,
        "generations": 3,
        "truth": "standard normal in 2 dimensions",
        "sampling": None,
    }
    e = mc.Experiment(mc.Poisson(), mc.Web(lambda t: t, 3), 5, 4)
    assert mc.described(e)["workflow"] == {"name": "web", "real": [2, 3, 4], "synthetic": 3}
    assert mc.described(e)["truth"] == {"model": "poisson", "mean": 1.0}
    rows = mc.described(loop(truth=X))["truth"]
    assert rows.keys() == {"shape", "sha256", "type"}
    assert rows["shape"] == [7, 2]
    described = mc.described(e)
    described["samples"] = 9
    assert mc.described(e)["samples"] == 5


def test_sampling_is_one_thing():
    """A temperature is its short form; 1 is plain sampling, and nothing else is taken."""
    short, long = loop(temperature=1.5), loop(sampling=mc.Tempered(1.5))

    assert short == long == loop(temperature=1.5, sampling=mc.Tempered(2.0))
    assert (long.temperature, short.sampling) == (1.5, mc.Tempered(1.5))
    assert mc.described(long)["sampling"] == {"name": "tempered", "temperature": 1.5}
    assert loop(sampling=mc.Tempered(1)) == loop()
    assert loop(temperature=1).sampling is None
    assert mc.predict(long)["variance"][-1] == mc.predict(short)["variance"][-1]
    assert replace(long, samples=7) == loop(temperature=1.5, samples=7)
    assert replace(long, temperature=2.0) == loop(temperature=2.0)
    assert replace(short, sampling=mc.Tempered(2)) == loop(temperature=2.0)
    assert replace(long, temperature=1.0) == replace(long, sampling=None) == loop()


def test_sampling_in_the_plain_loop():
    """The same numbers from both forms, and not those of plain sampling."""
    given = (mc.Gaussian(), mc.Normal.standard(1), mc.Replace(), 9, 4, 3)
    plain, short, long = (
        mc.run(*given, **how) for how in ({}, {"temperature": 0.5}, {"sampling": mc.Tempered(0.5)})
    )
    assert short["variance"].tolist() == long["variance"].tolist()
    assert short.experiment == long.experiment != plain.experiment
    assert abs(short["variance"][1:] - plain["variance"][1:]).min() > 0


class Hotter(mc.Tempered):
    """It may sample as it likes, so that nothing is known of it."""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"sampling": 1.5},
            "sampling = 1.5 is not valid: give None, Tempered(temperature)",
        ),
        ({"sampling": mc.Tempered}, "give None, Tempered(temperature)"),
        ({"sampling": Hotter(2.0)}, "sampling = Hotter(temperature=2.0)"),
        ({"model": mc.KDE(0.1), "sampling": mc.Tempered(2.0)}, "has no tempered sampler"),
    ],
)
def test_sampling_that_is_refused(given, message):
    """By an experiment and, but for the family's word, by the plain loop."""
    with pytest.raises(mc.InvalidInput, match=re.escape(message)):
        loop(**given)
    if "model" not in given:
        with pytest.raises(mc.InvalidInput, match=re.escape(message)):
            mc.run(mc.Gaussian(), mc.Normal.standard(1), mc.Replace(), 9, 4, **given)


def test_later_changes_change_nothing():
    """Of the caller's model, sizes and rows."""
    model, rows, sizes = mc.Gaussian(2), X.copy(), [5] * 50
    mean, covariance = np.zeros(2), np.eye(2)
    made = [loop(model=model, truth=t, samples=sizes) for t in (rows, mc.Normal(mean, covariance))]
    before = [mc.described(e) for e in made]
    model.fit(X)
    model.dim, model.ddof, sizes[0] = 3, 1, 9
    rows += 1
    mean += 1
    covariance *= 2

    assert [mc.described(replace(e)) for e in made] == before


# Rows and other things that are known by their digest.


def test_rows_have_to_be_given_again():
    """And they have to be the same ones."""
    e = loop(truth=X)
    data = mc.described(e)
    with pytest.raises(mc.InvalidInput, match=r"truth .*from_dict\(data, truth=...\)"):
        mc.Experiment.from_dict(data)
    with pytest.raises(mc.InvalidInput, match="truth is another one"):
        mc.Experiment.from_dict(data, truth=X + 1)
    assert mc.Experiment.from_dict(data, truth=X) == e
    assert mc.Experiment.from_dict(data, truth=X).identity == e.identity
    digits = loop(model=mc.Gaussian(64), truth=load("digits"))
    assert mc.Experiment.from_dict(mc.described(digits), truth=load("digits")) == digits


def test_many_probabilities_have_to_be_given_again():
    """Few are listed."""
    p = mc.discrete.zipf(40)
    data = mc.described(loop(model=mc.Discrete(40), truth=p))
    with pytest.raises(mc.InvalidInput, match="truth="):
        mc.Experiment.from_dict(data)
    assert mc.described(mc.Experiment.from_dict(data, truth=p)) == data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"model": "uniform"}}, r"model .*from_dict\(data, model=...\)"),
        ({"model": {"model": "gaussian", "size": 3}}, "model"),
        ({"model": 3}, "model"),
        ({"workflow": {"name": "replace", "k": 3}}, r"from_dict\(data, workflow=...\)"),
        ({"workflow": {"class": "tests.Mine", "parameters": {}}}, r"tests.Mine.*workflow="),
        ({"workflow": None}, "workflow"),
        ({"truth": {"class": "tests.Mine"}}, "truth="),
        ({"truth": "uniform on 3 outcomes"}, "truth is another one"),
        ({"samples": 1}, "at least 2"),
        ({"generations": 2.5}, "generations = 2.5"),
        ({"more": 1}, "more"),
    ],
)
def test_wrong_data_are_refused(change, message):
    """The message names the argument."""
    with pytest.raises(mc.InvalidInput, match=message):
        mc.Experiment.from_dict({**mc.described(loop()), **change})


def test_what_is_no_description_is_refused():
    """A key is missing, or it is no mapping."""
    data = mc.described(loop())
    del data["truth"]
    for wrong in (data, 3, [], "x"):
        with pytest.raises(mc.InvalidInput, match=r"data = .*described"):
            mc.Experiment.from_dict(wrong)


# Workflows, families and truths of one's own.


class Lagged:
    """Trains on a part of the last batch; a plain object."""

    def __init__(self, share):
        self.share = share

    def training_rows(self, sizes, rng):
        """Return some rows of the last batch."""
        del rng
        share = self.share(len(sizes)) if callable(self.share) else self.share
        return np.arange(sum(sizes[:-1]), sum(sizes) - share)


class Speaking(Lagged):
    """Says itself what it is."""

    def described(self):
        """Return the share, and nothing of the label."""
        return {"share": self.share}


def half(t):
    """Return 2."""
    return 2 + 0 * t


def test_a_workflow_of_ones_own_is_its_class_and_its_parameters():
    """It is built by whom it belongs to."""
    e = loop(workflow=Lagged(2))
    assert mc.described(e)["workflow"] == {
        "class": f"{__name__}.Lagged",
        "parameters": {"share": 2},
    }
    assert e == loop(workflow=Lagged(np.int64(2)))
    assert e not in [loop(workflow=w) for w in (Lagged(3), Speaking(2), mc.Replace())]
    with pytest.raises(mc.InvalidInput, match=r"Lagged.*from_dict\(data, workflow=...\)"):
        mc.Experiment.from_dict(mc.described(e))
    with pytest.raises(mc.InvalidInput, match="workflow is another one"):
        mc.Experiment.from_dict(mc.described(e), workflow=Lagged(3))
    assert mc.Experiment.from_dict(mc.described(e), workflow=Lagged(2)) == e
    spoken = loop(workflow=Speaking(2))
    assert mc.described(spoken)["workflow"] == {"share": 2, "class": f"{__name__}.Speaking"}


def test_functions_are_known_by_their_name_or_their_code():
    """Two that were made alike are one; from_dict takes either."""
    one, two = (loop(workflow=Lagged(lambda t: 2 + (t > 9))) for _ in range(2))
    assert one == two == mc.Experiment.from_dict(mc.described(one), workflow=two.workflow)
    assert one != loop(workflow=Lagged(lambda t: 2 + (t > 8)))
    assert one != loop(workflow=Lagged(lambda t: 2 - (t > 9)))
    assert loop(workflow=Lagged(half)) == loop(workflow=Lagged(half)) != one


MADE = {}


@pytest.mark.parametrize(
    "made",
    [
        object,
        lambda: (i for i in ()),
        lambda: type("Local", (), {}),
        lambda: [type("Local", (), {})()],
        lambda: SimpleNamespace(f=(i for i in ())),
        lambda: np.array([type("Local", (), {})()]),
        lambda: ModuleType("mine"),
    ],
    ids=lambda made: str(MADE.setdefault(id(made), len(MADE))),
)
def test_what_says_nothing_is_equal_to_itself_alone(made):
    """The description says so, and from_dict needs that very object."""

    class Holding(mc.Replace):
        pass

    def holding(thing):
        workflow = Lagged(2)
        workflow.thing = thing
        return workflow

    same = made()
    one, again, other = (loop(workflow=holding(thing)) for thing in (same, same, made()))
    if made is object:
        assert one == again == other  # an object without a state
        return
    assert one == again
    assert one != other
    data = json.loads(json.dumps(mc.described(one)))
    assert "unidentified" in json.dumps(data)
    assert mc.Experiment.from_dict(data, workflow=holding(same)) == one
    with pytest.raises(mc.InvalidInput, match="cannot be identified"):
        mc.Experiment.from_dict(data, workflow=holding(made()))
    assert loop(workflow=Holding()) != loop(workflow=mc.Replace())


def test_classes_that_are_not_found_by_their_name_are_not_equal():
    """Two that are made by one function, say, and differ in a method."""

    def workflow(k):
        class Made(mc.Replace):
            def training_rows(self, sizes, rng):
                return super().training_rows(sizes, rng)[k:]

            batch_weights = memory = None

        return Made()

    one = workflow(1)
    assert loop(workflow=one) == loop(workflow=one) != loop(workflow=workflow(2))


def test_subclasses_are_known_by_all_that_they_add():
    """What they inherit says nothing of it."""

    class Wider(mc.Web):
        def __init__(self, more):
            super().__init__(2, 3)
            object.__setattr__(self, "more", more)

    class Warmer(mc.Gaussian):
        def __init__(self, heat):
            super().__init__(2)
            self.heat = heat

    for kind, name in ((Wider, "workflow"), (Warmer, "model")):
        assert loop(**{name: kind(1)}) == loop(**{name: kind(1)}) != loop(**{name: kind(2)})


def test_a_family_of_another_package():
    """It is built by whom it belongs to, or by its registered name."""
    e = mc.Experiment(Uniform(), mc.Replace(), 5, 3, truth=2.0)
    data = mc.described(e)
    assert data["model"] == {"model": "uniform", "class": "tests.helpers.theirs.Uniform"}
    assert data["truth"] == 2.0
    with pytest.raises(mc.InvalidInput, match=r"from_dict\(data, model=...\)"):
        mc.Experiment.from_dict(data)
    assert mc.Experiment.from_dict(data, model=Uniform()) == e


def test_kernels_of_ones_own():
    """By their functions, not by their name alone."""
    normal = mc.kde.Kernel(
        "mine",
        lambda u, _: np.exp(-u * u / 2),
        lambda n, d, rng: rng.standard_normal((n, d)),
        lambda s, d: -s / 2 - d * np.log(2 * np.pi) / 2,
        lambda _: 1.0,
    )
    other = replace(normal, sample=lambda n, d, rng: rng.normal(size=(n, d)))
    made = [loop(model=mc.KDE(0.5, kernel, 2)) for kernel in (normal, normal, other)]
    assert made[0] == made[1] != made[2]
    json.dumps(mc.described(made[0]))


# The plain data of any value.


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=9,
    )
)
def test_plain_data_are_strict_json(value):
    """Whatever numbers they hold."""
    told = plain(value, T)
    assert json.loads(json.dumps(told, allow_nan=False)) == told == plain(told, T)


def test_infinities_are_text():
    """As in all JSON of this package; a zero has no sign."""
    told = plain([np.inf, -np.inf, np.nan, -0.0, np.float32(0.5), np.bool_(1), (1,)], T)
    assert str(told) == "['inf', '-inf', 'nan', 0.0, 0.5, True, [1]]"


@pytest.mark.parametrize(
    "values",
    [
        [{1, 2}, {1, 3}, frozenset({1, 2}), [1, 2]],
        [{1: 2}, {"1": 2}, {1: 3}],
        [np.arange(3), np.arange(3.0), np.arange(3)[:, None], [0, 1, 2]],
        [np.ma.array([1, 2], mask=m) for m in ([0, 0], [0, 1])],
        [np.random.default_rng(seed) for seed in (0, 1)],
        [len, abs, np.sqrt, np.exp, operator.add, mc.Replace],
        [operator.itemgetter(1), operator.itemgetter(2)],
        [b"x", b"y", "x"],
    ],
    ids=["sets", "tables", "arrays", "masks", "generators", "names", "getters", "bytes"],
)
def test_other_values_are_told_apart(values):
    """And each is equal to itself."""
    told = [plain(value, T) for value in values]
    assert told == [plain(value, T) for value in values]
    assert len({json.dumps(data, allow_nan=False) for data in told}) == len(values)


def test_what_contains_itself_ends():
    """Its place in itself is named."""
    ring = [1]
    ring.append(ring)
    thing = SimpleNamespace(ring=ring)
    thing.me = thing
    assert plain(thing, T) == plain(thing, T)


def test_hashes_do_not_depend_on_the_process():
    """Nor does the text that they are of."""
    program = (
        "import modelcollapse as mc;"
        "print(mc.Experiment(mc.KDE('scott'), mc.KeepReal(0.5), truth=[1, 2, 4]).identity)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    e = mc.Experiment(mc.KDE("scott"), mc.KeepReal(0.5), truth=[1, 2, 4])
    assert told == e.identity + "\n"


def test_functions_that_are_held_are_told_by_their_code():
    """A workflow calls them with what it likes: numbers for t = 1..T would say too little."""

    class By:
        def __init__(self, size):
            self.size = size

        def training_rows(self, sizes, rng):
            del rng
            return np.arange(self.size(sum(sizes)))

    def loop(size):
        return mc.Experiment(mc.Gaussian(), By(size), 10, 4)

    def within(most):
        return lambda n: min(n, most)

    assert loop(lambda n: n) != loop(lambda n: min(n, 4) if n > 4 else n)
    assert loop(within(5)) != loop(within(6))
    assert loop(within(5)) == loop(within(5))


def test_a_trailing_underscore_is_a_parameter_of_what_has_no_fit():
    """Only of an estimator it is what was learned; and numbers of a class count, too."""

    class Last:
        more = 0

        def __init__(self, k):
            self.k_ = k

        def training_rows(self, sizes, rng):
            del rng
            return np.arange(max(0, sum(sizes) - self.k_ - self.more), sum(sizes))

    def loop(k):
        return mc.Experiment(mc.Gaussian(), Last(k), 10, 4)

    three, four = loop(3), loop(4)
    assert three != four
    assert three == loop(3)
    Last.more = 1
    assert loop(3) != three


def test_another_metric_is_another_run(tmp_path):
    """A checkpoint belongs to what was measured, not to its name."""
    arguments = (mc.Gaussian(), mc.Normal(0, 1), mc.Replace(), 5, 2)
    path = tmp_path / "run.npz"
    mc.run(*arguments, metrics={"size": lambda _, X, __: len(X)}, checkpoint=path)
    with pytest.raises(mc.InvalidInput, match="metrics"):
        mc.run(*arguments, metrics={"size": lambda _, X, __: 2 * len(X)}, checkpoint=path)
