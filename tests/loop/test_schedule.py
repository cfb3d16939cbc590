"""What a schedule says of a workflow, against its rows; and that none else asks for its class."""

import ast
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import workflows
from modelcollapse.loop.schedule import Schedule
from modelcollapse.testing import strategies
from modelcollapse.workflows.selection import batch_sizes, select

PACKAGE = Path(mc.__file__).parent
CLASSES = {name for name in workflows.__all__ if isinstance(getattr(workflows, name), type)}
CLASSES -= {"Workflow"}  # whether an argument is a workflow at all may be asked
MODELS = {
    "gaussian": mc.Gaussian(),
    "gaussian-2d": mc.Gaussian(2, ddof=1),
    "kde": mc.KDE(0.4),
    "poisson": mc.Poisson(),
    "gamma": mc.Gamma(2.0),
    "discrete": mc.Discrete(3),
    "regression": mc.LinearRegression(2),
    "regression-fixed": mc.LinearRegression(2, design="fixed"),
    "ridge": mc.LinearRegression(1, ridge=0.5),
}


def asked(path):
    """Yield the names of workflows' classes that a module uses for more than to build one.

    To build one, to annotate, and to import is no question; `isinstance`, `type(w) is`, a
    dictionary by class and a tuple of classes are.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            allowed |= {id(node.func), *(id(n) for n in _built(node))}
        for name in ("annotation", "returns"):
            if (annotation := getattr(node, name, None)) is not None:
                allowed |= {id(n) for n in ast.walk(annotation)}
        if isinstance(node, ast.Attribute):  # a class's own name or default
            allowed.add(id(node.value))
        if isinstance(node, ast.Subscript):
            allowed |= {id(n) for n in ast.walk(node.slice)} if _is_type(node) else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in CLASSES and id(node) not in allowed:
            yield f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.id}"
        if isinstance(node, ast.MatchClass) and getattr(node.cls, "id", "") in CLASSES:
            yield f"{path.relative_to(PACKAGE)}:{node.lineno}: case {node.cls.id}"


def _built(call):
    """Return the first argument of a strategy that builds one."""
    return call.args[:1] if getattr(call.func, "attr", "") in ("builds", "map") else []


def _is_type(subscript):
    return getattr(subscript.value, "id", "") in ("Callable", "Sequence", "Mapping", "list", "dict")


def test_no_other_module_asks_for_a_workflows_class():
    """The schedule is the one place that does; families ask it for rules and patterns."""
    free = {PACKAGE / "loop" / "schedule.py", *(PACKAGE / "workflows").glob("*.py")}
    found = [text for path in PACKAGE.rglob("*.py") if path not in free for text in asked(path)]

    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "ok = isinstance(w, Replace)",
        "ok = type(w) is Accumulate",
        "table = {Web: 1}",
        "KINDS = (Replace, Accumulate)",
        "match w:\n    case FreshData():\n        pass",
        "ok = issubclass(kind, (KeepReal, Weighting))",
    ],
)
def test_a_question_is_seen(tmp_path, monkeypatch, text):
    """Each way to ask for a class; and building one is none."""
    monkeypatch.setattr("tests.loop.test_schedule.PACKAGE", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(text)
    assert len(list(asked(path))) >= 1
    path.write_text("def f(w: Replace) -> Accumulate:\n    return Accumulate(Replace.name)\n")
    assert list(asked(path)) == []


def parts_by_rows(workflow, sizes):
    """Return real and sampled weights of the parts at each generation, from its rows: (T, T, 2)."""
    T, found = len(sizes), np.zeros((len(sizes), len(sizes), 2))
    batch = np.repeat(np.arange(T), sizes)
    place = np.concatenate([np.arange(n) for n in sizes])
    real = np.array([sizes[0]] + [fresh(workflow, t) for t in range(2, T + 1)])
    sampled = (place >= real[batch]).astype(int)
    for t in range(1, T + 1):
        rows, weights = select(workflow, list(sizes[:t]), np.random.default_rng(0))
        weights = np.ones(len(rows)) if weights is None else weights
        np.add.at(found[t - 1], (batch[rows], sampled[rows]), weights / weights.sum())
    return found, real


def fresh(workflow, t):
    """Return the fresh real rows of batch t > 1."""
    return workflow.real_rows(t) if getattr(workflow, "real_rows", None) else 0


@st.composite
def loops(draw):
    """Draw a workflow with weights, built in or of one's own, and its batch sizes."""
    sizes = draw(strategies.sizes(generations=7))
    random = mc.AccumulateSubsample | mc.Edit
    known = strategies.workflows(7).filter(lambda w: not isinstance(w, random))
    workflow = draw(known | strategies.own(7).map(lambda both: both[0]))
    if getattr(workflow, "source_weights", None) is not None:
        return workflow, batch_sizes(workflow, sizes[0], len(sizes))
    return workflow, np.array(sizes)


class Forgetful(mc.Web):
    """A web that does not say how its sources merge; nothing else of it is the web's either."""

    source_memory = None

    def source_weights(self, sizes):
        """Return the web's own."""
        return super().source_weights(sizes)


class Fading:
    """Every generation gives the older rows the share that `kept(t)` says; without a memory."""

    def __init__(self, kept):
        self.kept = kept

    def batch_weights(self, sizes):
        """Return the weights, made by going through the generations."""
        weights = np.zeros(len(sizes))
        for t in range(len(sizes)):
            weights *= self.kept(t) if t else 0.0
            weights[t] = 1.0 - weights.sum()
        return weights

    def training_rows(self, sizes, rng):
        """Return all rows that weigh something, and what they weigh."""
        del rng
        weights = np.repeat(self.batch_weights(sizes) / np.array(sizes), sizes)
        return np.flatnonzero(weights), weights[weights > 0]


CHAINS = [
    (Forgetful(4, 3), np.array([6, 7, 7, 7, 7])),
    (Fading(lambda t: 0.25 + 0.5 * (t % 2)), np.array([5, 2, 9, 4, 1])),
]


@pytest.mark.parametrize(("workflow", "sizes"), CHAINS)
def test_a_chain_without_a_memory_has_one_slot(workflow, sizes):
    """Though several batches weigh, and none like another."""
    steps = [Schedule(workflow, sizes).step(t) for t in range(1, len(sizes) + 1)]

    assert [weights.tolist() for _, weights in steps] == [[1.0]] * len(sizes)


@settings(max_examples=300)
@given(loops())
@example(CHAINS[0])
@example(CHAINS[1])
def test_patterns_are_those_of_the_rows(loop):
    """Each pattern holds exactly where the weights of the rows have it."""
    workflow, sizes = loop
    schedule, T = Schedule(workflow, sizes), len(sizes)
    parts, real = parts_by_rows(workflow, sizes.tolist())
    counts = np.stack([real, sizes - real], axis=1)
    total = parts.sum(axis=2)

    def whole(first):
        """Return whether all rows of batches first[t], ..., t weigh alike at generation t."""
        rows = [np.where((np.arange(T) >= first[t])[:, None], counts, 0) for t in range(T)]
        rows = [np.where((np.arange(T) <= t)[:, None], r, 0) for t, r in enumerate(rows)]
        return np.allclose(parts, [r / r.sum() for r in rows], rtol=1e-12, atol=0)

    first = np.argmax(total > 0, axis=1)
    assert (schedule.starts is not None) == whole(first)
    if schedule.starts is not None:
        assert schedule.starts.tolist() == first.tolist()
    if T > 1:
        assert schedule.alone == whole(np.arange(T))
        assert schedule.everything == whole(np.zeros(T, dtype=int))
    every = [parts[t, : t + 1, 0][real[: t + 1] > 0] for t in range(T)]
    assert schedule.keeps_real == all((weights > 0).all() for weights in every)
    for t in range(T):
        assert schedule.trained(t + 1) == np.where(parts[t, : t + 1] > 0, counts[: t + 1], 0).sum()
        assert np.stack(schedule.weights(t + 1), axis=1) == pytest.approx(parts[t, : t + 1])
    if (chain := schedule.chain) is not None:
        now = np.zeros((T, 2))
        for t in range(T):
            now *= chain.carried[t]
            now[t] = chain.real[t], chain.sampled[t]
            assert now == pytest.approx(parts[t], rel=1e-9, abs=1e-15)
    elif schedule.rule not in ("keep-real", "sliding-window"):
        assert not any_chain(parts)


@given(loops())
@example(CHAINS[0])
@example(CHAINS[1])
def test_what_is_carried_on_has_the_weights_of_the_rows(loop):
    """The slots of `step`, carried along and weighted, are the parts of the batches."""
    workflow, sizes = loop
    schedule, T = Schedule(workflow, sizes), len(sizes)
    parts, real = parts_by_rows(workflow, sizes.tolist())
    there = np.stack([real, sizes - real], axis=1) > 0
    slots = np.empty((0, T, 2))
    for t in range(T):
        new = np.eye(2 * T).reshape(2 * T, T, 2)[2 * t : 2 * t + 2][there[t]]
        carry, weights = schedule.step(t + 1)
        slots = np.tensordot(carry, np.concatenate([slots, new]), 1)

        assert slots.sum(axis=(1, 2)) == pytest.approx(1.0)
        assert np.tensordot(weights, slots, 1) == pytest.approx(parts[t], abs=1e-14)


def any_chain(parts):
    """Return whether every training set has the proportions of the one before in its old part."""
    for old, new in pairwise(parts):
        t = int(np.flatnonzero(new.sum(axis=1))[-1])
        kept = np.where(np.arange(len(new))[:, None] < max(t, 1), new, 0)
        carried = kept.sum()
        if not np.allclose(kept, carried * old, rtol=1e-9, atol=1e-12):
            return False
    return True


class Mine:
    """A workflow of one's own with another's rows and weights, and no memory."""

    def __init__(self, other):
        self.training_rows, self.batch_weights = other.training_rows, other.batch_weights


@pytest.mark.parametrize("other", [mc.Replace(), mc.Accumulate(), mc.SlidingWindow(3)], ids=repr)
@pytest.mark.parametrize("family", MODELS)
def test_the_same_weights_have_the_same_numbers(family, other):
    """Expectations, variances, laws and bits; limits and fates are the built-in's alone."""
    e = mc.Experiment(MODELS[family], other, 7, 6)
    mine = replace(e, workflow=Mine(other))
    p, own = mc.predict(e), mc.predict(mine)

    for name in ("expected", "variances", "laws"):
        assert set(getattr(own, name)) == set(getattr(p, name)), name
    for name in ("expected", "variances"):
        for quantity, values in getattr(p, name).items():
            assert getattr(own, name)[quantity] == pytest.approx(values, rel=1e-12, abs=1e-14)
    assert not any("tends to" in fate.reason for fate in own.fates.values())
    if not isinstance(other, mc.SlidingWindow):
        runs = mc.simulate(mine, 3)
        for quantity, values in mc.simulate(e, 3).values.items():
            assert values.tobytes() == runs[quantity].tobytes()


@pytest.mark.parametrize("family", MODELS)
def test_a_window_of_all_batches_is_accumulate_for_as_long(family):
    """It has its laws and its bits, and not its limits: after T it forgets."""
    e = mc.Experiment(MODELS[family], mc.Accumulate(), 7, 5)
    window = replace(e, workflow=mc.SlidingWindow(5))
    p, own = mc.predict(e), mc.predict(window)

    assert set(own.laws) == set(p.laws)
    for name in ("expected", "variances"):
        for quantity, values in getattr(p, name).items():
            assert getattr(own, name)[quantity] == pytest.approx(values, rel=1e-12, abs=1e-14)
    runs = mc.simulate(window, 3)
    for quantity, values in mc.simulate(e, 3).values.items():
        assert values.tobytes() == runs[quantity].tobytes()


def test_a_window_has_its_own_future():
    """Accumulate's variance has a limit above 0; a window's clumps, however long it is."""
    e = mc.Experiment(mc.Gaussian(), mc.SlidingWindow(50), 20, 50)

    assert mc.predict(e).fates["variance"].verdict == "clumps"
    assert mc.predict(e).limits["variance"] == 0
    assert mc.predict(replace(e, workflow=mc.Accumulate())).limits["variance"] > 0.9


def test_a_part_without_rows_has_no_weight():
    """Weights of rows that are not there are refused, with the generation."""

    class Absent(mc.FreshData):
        def source_weights(self, sizes):
            real, sampled = np.zeros(len(sizes)), np.zeros(len(sizes))
            real[0], sampled[0] = 0.5, 0.5
            return real, sampled

    schedule = Schedule(Absent(2, 3), np.array([4, 5]))
    with pytest.raises(mc.InvalidInput, match=r"at generation 2 gives weight 0\.5 to the sampled"):
        schedule.weights(2)
