"""The advice itself: sentences, tables, pictures, and what is refused."""

import re
from html import escape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.advice.drawing import LINE, _apart
from modelcollapse.advice.sentences import best_of


def numbers(text):
    """Return the numbers of a sentence."""
    return [float(x.replace(",", "")) for x in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def parted(text):
    """Return a text's numbers without thousands' commas at an end."""
    return numbers(re.sub(r",(?!\d)", "", text))


QUESTIONS = [
    {"real": 50_000, "synthetic": 500_000, "generations": 12, "at_most": 1.2},
    {"real": 50_000, "synthetic": 500_000, "generations": 12, "at_most": 1.5, "keep_real": True},
    {"real": 50_000, "synthetic": 500_000, "generations": 12, "fresh_real": 5_000, "budget": 9_000},
    {"real": 900, "synthetic": [300, 500, 700], "fresh_real": [9, 0, 80], "keep_real": False},
    {"real": 400, "synthetic": 100, "generations": 30, "keep_real": 0.4, "at_most": 0.7},
    {"real": 400, "synthetic": 100, "generations": 3, "first_generation_gap": 0.25},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_the_numbers_of_every_sentence(question):
    """Each is of the plans, the needs or the split, rounded."""
    found = mc.advise(**question)
    q, n = found.question, found.question.real
    plans = {plan.title: plan for plan in found.plans}
    replaced, kept, other = (
        plans["the last batch"],
        *(best_of(found.plans, keeps=k) for k in (1, 0)),
    )
    said = dict(zip(("replace", "keep", "fresh", "need"), found.sentences, strict=False))

    def close(*values):
        return pytest.approx(values, rel=6e-3)

    assert parted(said["replace"]) == close(n, q.generations, replaced.last, n / replaced.last)
    assert ("grows without end" in said["replace"]) == (q.steady is not None)

    must = other.last > q.at_most
    first, second = (kept, other) if must and q.keep is not False else (other, kept)
    assert found.keep_real == must
    assert said["keep"].startswith("Keep" if must else "The first real rows may go")
    assert ("no workflow here" in said["keep"]) == (must and kept.last > q.at_most)
    told = re.findall(r"ends with ([\d.]+) times that error, as of ([\d.,]+) real", said["keep"])
    assert [parted(" ".join(pair)) for pair in told] == [
        close(plan.last, n / plan.last) for plan in (first, second)
    ]
    places = [said["keep"].index(f"{plan.workflow} ({plan.title})") for plan in (first, second)]
    assert places == sorted(places)

    if q.fresh.any():
        alone = plans["all real rows alone"]
        assert parted(said["fresh"])[-2:] == close(alone.last, n / alone.last)
        q1 = 1 / n + 1 / q.synthetic[0]  # of the last batch: the weights are as 1 over variances
        w = q.fresh[0] / (q.fresh[0] + 1 / q1)
        assert parted(said["fresh"])[0] == pytest.approx(w, rel=6e-3)
        if q.steady_fresh:
            best = mc.solver.best_weight(q.steady_fresh, q.steady)
            assert f"in the long run {best:.4g}" in said["fresh"]
    else:
        assert not parted(said["fresh"])

    values = [need.value for need in found.needs]
    assert parted(said["need"]) == close(
        q.at_most, q.generations, *(value for value in values if value is not None)
    )
    assert said["need"].count("no number") == values.count(None)
    told = [text for text in found.sentences if "best split" in text]
    assert bool(told) == (found.split is not None)
    if told:
        even, split = (p.last for p in found.plans if p.workflow == "accumulate-subsample")
        shown = parted(told[0])
        assert [shown[0], *shown[-2:]] == close(sum(found.split.even), split, even)
    told = [text for text in found.sentences if "by estimation, 0.25" in text]
    assert bool(told) == (q.gap is not None)
    if told:
        expected = [0.25, *(0.25 * plan.last for plan in (replaced, other, kept))]
        assert parted(told[0]) == close(*dict.fromkeys(expected))
    assert "normal law whose variance is known" in found.sentences[-1]


@pytest.mark.parametrize("family", ["normal-mean", "poisson"])
def test_the_families_that_are_named_are_exact(family):
    """Their own predictions are these numbers; another family's are not."""
    model = {"normal-mean": mc.NormalMean(), "poisson": mc.Poisson()}[family]
    plans = {plan.workflow: plan for plan in mc.advise(20, 20, 6, budget=15).plans}
    budget = mc.AccumulateSubsample(15)
    loops = mc.Replace(), mc.Accumulate(), mc.KeepReal(), mc.SlidingWindow(3), budget
    for loop in loops:
        predicted = mc.predict(mc.Experiment(model, loop, 20, 6))["squared_error"]
        other = mc.predict(mc.Experiment(mc.Gamma(), loop, 20, 6))["inflation"]
        if loop is budget:
            plan = next(p for p in mc.advise(20, 20, 6, budget=15).plans if p.workflow == loop.name)
        else:
            plan = plans[loop.name]
        V = predicted[0] / plan.errors[0]
        assert predicted == pytest.approx(V * plan.errors, rel=1e-12)
        assert other[1:] != pytest.approx(plan.errors[1:], rel=1e-3)


def test_the_gap_is_the_law_of_many_rows():
    """c_t times the first one, as `excess_loss`."""
    told = mc.advise(40, 90, 7, first_generation_gap=0.3).to_dict()["workflows"]
    gaps = {one["trains_on"]: one["gap"] for one in told}
    law = mc.solver.excess_loss(mc.Accumulate(), [40, *[90] * 6], first=0.3)
    assert gaps["all rows so far"] == pytest.approx(law[-1])
    assert mc.advise(40, 90, 7).to_dict()["workflows"][0]["gap"] is None


def test_tables_and_data():
    """Columns of one length, HTML with all sentences, and plain data of the same numbers."""
    found = mc.advise(40, 90, 7, fresh_real=3, first_generation_gap=0.3)
    columns = found.columns()
    assert {len(column) for column in columns.values()} == {len(found.plans)}
    assert list(columns)[-1] == "gap"
    page = found._repr_html_()
    assert all(escape(text) in page for text in found.sentences)
    assert all(f"<td>{cell}</td>" in page for column in columns.values() for cell in column)
    assert str(found) == "\n".join(found.sentences)
    told = found.to_dict()
    assert [one["limit"] for one in told["workflows"]][:2] == [0.0, "inf"]
    assert [one["relative_errors"][-1] for one in told["workflows"]] == [
        one["relative_error"] for one in told["workflows"]
    ]
    assert told["question"]["synthetic"] == 90
    assert mc.advise(40, [90, 80]).to_dict()["question"]["synthetic"] == [90, 80]


def test_one_generation():
    """There is nothing to decide, and everything is the fit to the real rows."""
    found = mc.advise(40, 90, 1)
    assert [plan.last for plan in found.plans] == pytest.approx([1.0] * len(found.plans))
    assert "nothing to keep" in found.sentences[0]


WRONG = [
    ({"real": 0}, "real = 0"),
    ({"real": -5}, "real = -5"),
    ({"real": 10**13}, "at most"),
    ({"synthetic": 0}, "synthetic = 0"),
    ({"synthetic": [5, -1, 5]}, r"synthetic\[1\] = -1"),
    ({"synthetic": "5"}, "synthetic = '5'"),
    ({"generations": None}, "generations = None"),
    ({"generations": 0}, "generations = 0"),
    ({"generations": 10**6}, "at most|1 to 100000"),
    ({"synthetic": [5, 5]}, "generations = 4 and synthetic has 2 entries"),
    ({"generations": None, "synthetic": [5, 5], "fresh_real": [1]}, "fresh_real has 1 entries"),
    ({"budget": [5, 5]}, "budget has 2 entries, the first for generation 1"),
    ({"fresh_real": -1}, "fresh_real = -1"),
    ({"fresh_real": 0.5}, "fresh_real = 0.5"),
    ({"fresh_real": 10**12}, "synthetic \\+ fresh_real at generation 2"),
    ({"keep_real": 1.5}, "keep_real = 1.5 .*give yes or no .in Python True or False., or a weight"),
    ({"keep_real": 1.0}, "keep_real = 1.0"),
    ({"keep_real": "maybe"}, "keep_real = 'maybe'"),
    ({"budget": 161}, "budget = 161 .*160 at generation 4"),
    ({"budget": 0}, "budget = 0"),
    ({"at_most": float("nan")}, "at_most = nan"),
    ({"at_most": 0}, "at_most = 0"),
    ({"first_generation_gap": float("nan")}, "first_generation_gap = nan"),
    ({"first_generation_gap": -0.1}, "first_generation_gap = -0.1"),
    ({"first_generation_gap": float("inf")}, "first_generation_gap = inf"),
]


@pytest.mark.parametrize(("changed", "message"), WRONG, ids=lambda x: str(x)[:40])
def test_wrong_input_is_named(changed, message):
    """Option, value, remedy."""
    with pytest.raises(mc.InvalidInput, match=message):
        mc.advise(**{"real": 40, "synthetic": 40, "generations": 4} | changed)


ANYTHING = st.one_of(
    st.integers(-2, 10**13),
    st.integers(1, 50),
    st.floats(),
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.lists(st.integers(-1, 30), max_size=5),
    st.lists(st.integers(1, 10**12), min_size=3, max_size=3),
)
NEAR = st.integers(0, 9).flatmap(lambda i: ANYTHING if i == 0 else st.integers(1, 50))


@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {"real": NEAR, "synthetic": NEAR, "generations": NEAR},
        optional={
            "fresh_real": NEAR,
            "keep_real": ANYTHING,
            "budget": NEAR,
            "at_most": NEAR,
            "first_generation_gap": NEAR,
        },
    )
)
def test_anything_is_answered_or_refused(question):
    """Nothing but InvalidInput is raised, and errors are positive numbers."""
    if isinstance(question.get("generations"), int) and question["generations"] > 50:
        question["generations"] = 50
    try:
        found = mc.advise(**question)
    except mc.InvalidInput:
        return
    assert all(np.isfinite(plan.errors).all() and plan.last > 0 for plan in found.plans)
    assert all(plan.errors[0] >= 1 - 1e-12 for plan in found.plans)
    assert found.to_dict()["sentences"] == list(found.sentences)
    assert found._repr_html_()


@given(
    real=st.integers(1, 10**12),
    synthetic=st.integers(1, 10**11),
    generations=st.integers(1, 40),
    fresh=st.integers(0, 10**11),
    wanted=st.floats(0.01, 100),
)
def test_any_size_is_answered(real, synthetic, generations, fresh, wanted):
    """From one row to the largest batch; real rows alone are never beaten."""
    found = mc.advise(real, synthetic, generations, fresh_real=fresh, at_most=wanted)
    alone, *others = found.plans
    assert all(plan.last >= alone.last * (1 - 1e-9) for plan in others)
    assert all(np.isfinite(plan.errors).all() for plan in others)


def test_names_beside_the_lines():
    """A line's height apart, in their order, and where there is room at their lines' ends."""
    for ends in ([0.1, 0.5, 0.9], [0.2, 0.2, 0.2, 0.21], [0.0, 0.01, 0.5, 0.51, 0.52, 1.0], []):
        places = np.array(_apart(ends))
        assert (np.diff(places) >= LINE - 1e-12).all()
        assert np.mean(places) == pytest.approx(np.mean(ends)) if ends else not len(places)
    assert _apart([0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9])


def test_the_picture(tmp_path):
    """A line and a name for each plan, in the workflow's colour; files of three kinds."""
    from matplotlib.figure import Figure

    for question in ((50_000, 500_000, 12), (10, 1, 60), (10, 10, 1), (10, [5, 9])):
        found = mc.advise(*question, fresh_real=2)
        axis = found.plot(Figure().subplots())
        for line, plan in zip(axis.get_lines(), found.plans, strict=True):
            assert line.get_ydata() == pytest.approx(plan.errors)
        assert {text.get_text() for text in axis.texts} == {
            f"{plan.last:.4g}  {plan.title}" for plan in found.plans
        }
        for ending in ("png", "pdf", "svg"):
            found.save(tmp_path / f"a.{ending}")
            assert (tmp_path / f"a.{ending}").stat().st_size > 1000
    with pytest.raises(mc.InvalidInput, match="must end in"):
        found.save("a.txt")
    with pytest.raises(mc.InvalidInput, match="figure"):
        found.save(tmp_path / "nowhere" / "a.png")
