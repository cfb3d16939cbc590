"""The strategies: what they draw is well-formed and shrinks, and what is impossible is refused."""

from inspect import signature

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import modelcollapse as mc
from modelcollapse.testing import strategies
from modelcollapse.workflows import BY_NAME, Workflow

# Without the last phase, which tries what else would do, and in which `find` would end.
SHRINKS = settings(phases=[Phase.generate, Phase.shrink], database=None, derandomize=True)
OWN = strategies.own(strategies.GENERATIONS).map(lambda both: both[0])
FAMILIES = [
    mc.Gaussian,
    mc.KDE,
    mc.NormalMean,
    mc.Poisson,
    mc.Binomial,
    mc.Gamma,
    mc.NegativeBinomial,
    mc.HyperbolicSecant,
    mc.Discrete,
    mc.LinearRegression,
    mc.Markov,
    mc.RegionVerifier,
    mc.LabelVerifier,
]


def simplest(strategy, condition=lambda _: True, examples=2_000):
    """Return what a failure of that condition would be shown as."""
    return find(strategy, condition, settings=settings(SHRINKS, max_examples=examples))


def loop(workflow=None, samples=2, generations=1, **options):
    """Return a loop of a Gaussian."""
    workflow = workflow or mc.Replace()
    return mc.Experiment(mc.Gaussian(1), workflow, samples, generations, **options)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (lambda _: True, loop()),
        (lambda e: e.generations >= 3, loop(generations=3)),
        (lambda e: e.sizes[0] >= 5, loop(samples=5)),
        (lambda e: isinstance(e.workflow, mc.Accumulate), loop(mc.Accumulate())),
        (lambda e: isinstance(e.workflow, mc.Web), loop(mc.Web(1, 1))),
        (lambda e: isinstance(e.truth, mc.Rows), loop(truth=[0, 0.25])),
        (lambda e: e.temperature > 1, loop(temperature=2.0)),
        (
            lambda e: isinstance(e.model, mc.KDE),
            mc.Experiment(mc.KDE(0.0), mc.Replace(), 2, 1),
        ),
    ],
)
def test_an_experiment_shrinks_to_the_simplest(condition, expected):
    """A standard normal, replaced, of as few rows and generations as show it."""
    assert simplest(strategies.experiments(), condition) == expected


def test_parts_shrink_to_the_simplest():
    """A number before a list, an array before a frame."""
    assert simplest(strategies.schedules(3, 4)) == 3
    assert simplest(strategies.sizes()) == [1]
    assert simplest(strategies.workflows()) == mc.Replace()
    assert simplest(strategies.bandwidths()) == 0.0
    assert simplest(strategies.normals(2)).covariance.tolist() == [[1, 0], [0, 1]]
    assert simplest(strategies.tables(2)).tolist() == [[0, 0], [0, 0]]
    assert simplest(strategies.data()).values.tolist() == [[0], [0.25]]
    assert simplest(strategies.models()).described() == mc.Gaussian().described()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda kind: kind.__name__)
def test_experiments_of_every_family_are_drawn(family):
    """Also by a strategy of one's own, and by the class; each is described again as it is."""
    e = simplest(strategies.experiments(), lambda e: type(e.model) is family)
    mine = simplest(strategies.experiments(model=st.from_type(family)))

    assert mc.described(e) == mc.described(mine)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_workflow_is_drawn(name):
    """In an experiment, and by its class."""
    assert simplest(strategies.experiments(), lambda e: e.workflow.name == name)
    assert type(simplest(st.from_type(BY_NAME[name]))) is BY_NAME[name]


@settings(max_examples=50)
@given(strategies.experiments(4, 6))
def test_an_experiment_is_predicted_and_has_its_size(e):
    """It is as large as was said, and no prediction is refused but for reasons of its own."""
    own = strategies.sources.is_refreshing(e.workflow)

    assert e.generations <= 4
    assert e.sizes[0] <= 6
    assert own or e.sizes.max() <= 6
    assert mc.predict(e).experiment is e


@settings(max_examples=20)
@given(strategies.experiments(model=st.just(mc.Gaussian()), workflow=OWN))
def test_own_parts_are_taken(e):
    """Both come from the given strategies."""
    assert isinstance(e.model, mc.Gaussian)
    assert type(e.workflow) not in BY_NAME.values()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_are_frames_too(library):
    """Of each library that is installed, unless arrays alone are asked for."""
    pytest.importorskip(library)

    def is_frame(table):
        return type(table).__module__.startswith(library)

    frame = simplest(strategies.tables(3), is_frame)
    assert list(frame.columns) == ["x1", "x2", "x3"]
    assert np.asarray(frame).tolist() == [[0, 0, 0], [0, 0, 0]]
    with pytest.raises(NoSuchExample):
        simplest(strategies.tables(3, frames=False), is_frame, 100)


@pytest.mark.parametrize(
    "kind",
    [mc.Experiment, mc.Model, mc.Normal, mc.NormalMixture, mc.Rows, mc.Tempered, mc.PowerBandwidth],
    ids=lambda kind: kind.__name__,
)
def test_classes_are_known_to_hypothesis(kind):
    """`from_type` needs no strategy, nor has a function with annotations."""
    drawn = simplest(st.from_type(kind))

    assert isinstance(drawn, mc.Gaussian if kind is mc.Model else kind)
    assert isinstance(simplest(st.from_type(Workflow)), Workflow)


REFUSED = [
    ("sizes", {"least": 5, "most": 4}, r"least, most = \(5, 4\)"),
    ("sizes", {"generations": 0}, "generations = 0"),
    ("schedules", {"least": 13}, r"least, most = \(13, 12\)"),
    ("schedules", {"least": 0}, "least = 0"),
    ("weighting", {"generations": 0}, "generations = 0"),
    ("weighted", {"generations": True}, "generations = True"),
    ("workflows", {"generations": -1}, "generations = -1"),
    ("workflows", {"least": 13}, r"least, most = \(13, 12\)"),
    ("tables", {"dim": 0}, "dim = 0"),
    ("tables", {"least": 3, "most": 2}, r"least, most = \(3, 2\)"),
    ("normals", {"dim": 0}, "dim = 0"),
    ("mixtures", {"most": 0}, "most = 0"),
    ("data", {"most": 1}, r"least, most = \(2, 1\)"),
    ("truths", {"model": mc.Gaussian}, "model = <class .*Gaussian"),
    ("truths", {"model": "gaussian"}, "model = 'gaussian'"),
    ("bandwidths", {"generations": 0}, "generations = 0"),
    ("models", {"generations": 2.5}, "generations = 2.5"),
    ("experiments", {"generations": 0}, "generations = 0"),
    ("experiments", {"most": 1}, r"least, most = \(2, 1\)"),
    ("experiments", {"model": mc.Gaussian()}, "model = Gaussian"),
    ("experiments", {"workflow": mc.Replace()}, "workflow = Replace"),
    ("own", {"generations": 0}, "generations = 0"),
    ("contradictory", {"sizes": []}, r"sizes = \[\]"),
    ("contradictory", {"sizes": [1]}, r"sizes = \[1\]"),
    ("contradictory", {"sizes": [2, 0]}, r"samples\[1\] = 0"),
]


@pytest.mark.parametrize(
    ("name", "given", "named"), REFUSED, ids=[f"{name}-{given}" for name, given, _ in REFUSED]
)
def test_what_cannot_be_drawn_is_refused_at_once(name, given, named):
    """By the call, which names the argument."""
    with pytest.raises(mc.InvalidInput, match=named):
        getattr(strategies, name)(**given)


def test_strategies_say_what_they_take():
    """Each public one has a docstring and its own signature."""
    for name in ("experiments", "models", "own", "schedules", "tables", "truths", "workflows"):
        strategy = getattr(strategies, name)
        assert strategy.__doc__
        assert "draw" not in signature(strategy).parameters
