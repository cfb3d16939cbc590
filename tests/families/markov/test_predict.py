"""Predictions of language by counts: by enumeration, by killed chains, and against the loop."""

from itertools import pairwise, product

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.markov import fixed, used
from modelcollapse.families.markov.texts import transitions
from modelcollapse.testing import assert_bounded_mean
from tests.families.markov.test_estimator import SOME, TWO, language, padded
from tests.helpers.replay import Bootstrap

RISING = mc.markov.Language([0.6, 0.3, 0.1], [[0, 0.5, 0.2, 0.3], [0, 0, 0.6, 0.4], [0, 0, 0, 1.0]])
TEXTS = {  # all that this language can say
    text: float(np.exp(RISING.log_probabilities(padded([text]))[0]))
    for length in (1, 2, 3)
    for text in product(range(3), repeat=length)
    if all(a < b for a, b in pairwise(text))
}


def loop(workflow, n=4, t=3, model=None, truth=TWO):
    """Return a small loop."""
    return mc.Experiment(model or mc.Markov(truth.words, truth.order), workflow, n, t, truth=truth)


def test_what_n_texts_lack_by_enumeration():
    """All pairs of texts of a language that has seven."""
    assert sum(TEXTS.values()) == pytest.approx(1)
    absent = mass = 0.0
    for one, other in product(TEXTS, repeat=2):
        context, outcome, _ = transitions(padded([one, other]), 3, 1)
        lost = RISING.probabilities > 0
        lost[context, outcome] = False
        chance = TEXTS[one] * TEXTS[other]
        absent += chance * lost.sum()
        mass += chance * (RISING.visits @ np.where(lost, RISING.probabilities, 0).sum(axis=1))
    found = used.unseen(RISING, 2)
    assert found == pytest.approx((absent, mass / RISING.visits.sum()), rel=1e-12)
    for workflow in (mc.Accumulate(), mc.KeepReal(0.3)):
        p = mc.predict(loop(workflow, 2, 3, truth=RISING))
        assert p["absent"] == pytest.approx([absent] * 3, rel=1e-12)
        assert p.limits["absent"] == pytest.approx(absent, rel=1e-12)


def test_the_first_fit_lacks_what_its_own_texts_lack():
    """A subset of the real texts lacks more; a random workflow of one's own says nothing."""
    for workflow, texts in (
        *((mc.Replace(), 5), (mc.AccumulateSubsample(3), 3), (mc.Edit(rows=1), 5)),
        (mc.SlidingWindow(2), 5),
    ):
        p = mc.predict(loop(workflow, 5, 1, truth=RISING))
        assert p["absent"] == pytest.approx([used.unseen(RISING, texts)[0]], rel=1e-13)
    assert "absent" not in mc.predict(loop(Bootstrap(), 5, 1, truth=RISING))
    assert "length" in mc.predict(loop(Bootstrap(), 5, 1, truth=RISING))


@pytest.mark.parametrize("order", [1, 2])
def test_uses_by_killed_chains(order):
    """A text without a transition ends in the chain from which that transition is taken."""
    truth = language(order, 3, 2)
    found = used.used(truth)
    for (c, j), p in np.ndenumerate(truth.probabilities):
        rows = truth.probabilities.copy()
        rows[c, j] = 0.0
        among = np.zeros((len(rows), len(rows)))
        for w in range(3):
            among[np.arange(len(rows)), truth.base + w] += rows[:, w]
        ends = np.linalg.solve(np.eye(len(rows)) - among, rows[:, -1])
        assert found[c, j] == pytest.approx(1 - ends[0], rel=1e-9, abs=1e-13), p


def test_all_of_two_texts_under_replace_by_enumeration():
    """The whole law of two texts for two generations: the length is a martingale, losses grow."""
    law = {}
    for one, other in product(TEXTS, repeat=2):
        key = tuple(sorted((one, other)))
        law[key] = law.get(key, 0.0) + TEXTS[one] * TEXTS[other]
    lengths = []
    for _ in range(3):
        lengths.append(sum(chance * (len(a) + len(b)) / 2 for (a, b), chance in law.items()))
        new = {}
        for (a, b), chance in law.items():
            fit = mc.Markov(3).fit(padded([a, b])).language_
            sampled = {text: np.exp(fit.log_probabilities(padded([text]))[0]) for text in TEXTS}
            assert sum(sampled.values()) == pytest.approx(1)
            for one, other in product(TEXTS, repeat=2):
                if (p := sampled[one] * sampled[other]) > 0:
                    key = tuple(sorted((one, other)))
                    new[key] = new.get(key, 0.0) + chance * p
        law = new
    assert lengths == pytest.approx([RISING.length] * 3, rel=1e-12)
    p = mc.predict(loop(mc.Replace(), 2, 3, truth=RISING))
    assert p["length"] == pytest.approx(lengths, rel=1e-12)
    assert "absent" not in p


@pytest.mark.parametrize(
    "workflow",
    [
        *(mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.SlidingWindow(2)),
        *(mc.KeepReal(0.3), mc.FreshData(2, 3), mc.Web(1, 3), mc.Edit(rows=1)),
    ],
    ids=repr,
)
def test_the_length_is_a_martingale_everywhere(workflow, seed):
    """At most three words: the mean of a bounded number."""
    e = loop(workflow, 5, 4, truth=RISING)
    count = 400 if e.schedule.edits else 20_000
    found, p = mc.simulate(e, count, seed)["length"], mc.predict(e)
    for t in range(4):
        assert_bounded_mean(found[:, t], p["length"][t], 1.0, 3.0)
    assert p.limits["length"] == RISING.length


def test_fixed_contexts_add_up():
    """Each number is a sum, or a product, over discrete loops built by hand."""
    e = loop(mc.Replace(), 12, 5, mc.Markov(2, contexts="fixed"))
    first, after = (
        mc.predict(mc.Experiment(mc.Discrete(len(p)), mc.Replace(), n, 5, truth=p))
        for n, p in ((12, [0.5, 0.5]), (24, [0.5, 0.25, 0.25]))
    )
    p = mc.predict(e)
    assert fixed.sizes(e).tolist() == [12, 24, 24]
    assert p["absent"] == pytest.approx(first["absent"] + 2 * after["absent"], rel=1e-13)
    mass = (first["missing_mass"] + 4 * after["missing_mass"]) / 5
    assert p["missing_mass"] == pytest.approx(mass, rel=1e-13)
    error = (0.5 * first["squared_error"] + 4 * 0.625 * after["squared_error"]) / 3
    assert p["squared_error"] == pytest.approx(error, rel=1e-13)
    assert p["collapsed"] == pytest.approx(first["collapsed"] * after["collapsed"] ** 2, rel=1e-13)
    for name, one, two in (("absent", 1.0, 1.0), ("missing_mass", 0.2, 0.4)):
        spread = one**2 * first.variances[name] + 2 * two**2 * after.variances[name]
        assert p.variances[name] == pytest.approx(spread, rel=1e-13)
    assert p.limits["absent"] == pytest.approx(1 + 2 * 2)
    assert "length" not in p
    assert "length" not in mc.simulate(e, 3)


def test_the_excess_of_smoothed_contexts_by_enumeration():
    """Two texts, one generation: over all counts of each context."""
    from math import comb, factorial, log

    alpha, e = 0.5, loop(mc.Replace(), 2, 1, mc.Markov(2, 1, 0.5, "fixed"))

    def expected(p, n):
        total = 0.0
        for counts in product(range(n + 1), repeat=len(p)):
            if sum(counts) == n:
                ways = factorial(n) / np.prod([factorial(c) for c in counts])
                chance = ways * np.prod(np.power(p, counts))
                q = (np.array(counts) + alpha) / (n + len(p) * alpha)
                total += chance * sum(a * log(a / b) for a, b in zip(p, q, strict=True))
        return total

    wanted = expected([0.5, 0.5], 2) + 4 * expected([0.5, 0.25, 0.25], 4)
    assert comb(4, 2) == 6
    assert mc.predict(e)["excess"][0] == pytest.approx(wanted, rel=1e-12)


def test_infinite_excess_says_why():
    """Without smoothing a lost transition costs everything; the law of many texts is named."""
    for model in (mc.Markov(2), mc.Markov(2, contexts="fixed")):
        p = mc.predict(loop(mc.Accumulate(), 12, 3, model))
        assert np.isposinf(p["excess"]).all()
        assert p.reasons["excess"].startswith("inf: with a positive probability")
        assert "parameters=truth.parameters" in p.reasons["excess"]
        assert p.fates["excess"].verdict == "diverges"
    smooth = mc.predict(loop(mc.Replace(), 12, 3, mc.Markov(2, smoothing=1.0)))
    with pytest.raises(mc.NoClosedForm, match="contexts='fixed'"):
        smooth["excess"]
    assert not smooth["absent"].any()


def test_which_loops_have_fixed_contexts():
    """Equal batches, none of which brings fresh texts, with enough of them."""
    model = mc.Markov(2, contexts="fixed")
    with pytest.raises(mc.InvalidInput, match="contexts='random'"):
        loop(mc.FreshData(3, 3), 12, 3, model)
    with pytest.raises(mc.InvalidInput, match="contexts='random'"):
        loop(mc.AccumulateSubsample(), 12, 3, model)
    with pytest.raises(mc.InvalidInput, match="one size"):
        loop(mc.Replace(), [12, 13, 14], 3, model)
    rare = mc.markov.Language([0.99, 0.01], [[0.5, 0, 0.5], [0, 0, 1.0]])
    with pytest.raises(mc.InvalidInput, match="give at least 50"):
        loop(mc.Replace(), 12, 3, model, rare)
    assert loop(mc.Replace(), 50, 3, model, rare).sizes[0] == 50


def test_fates_and_verification():
    """Replace ends at one text; what is predicted can be tested."""
    p = mc.predict(loop(mc.Replace(), 12, 3))
    assert p.limits["collapsed"] == 1
    assert p.fates["absent"].verdict == "clumps"
    assert mc.predict(loop(mc.Accumulate())).fates["absent"].verdict == "bounded"
    e = loop(mc.Replace(), 12, 3, mc.Markov(2, contexts="fixed"))
    verdicts = mc.verify_experiment(e, effect=0.2)
    assert {v.slug.rsplit("/")[-1] for v in verdicts} >= {"absent", "squared-error"}
    assert all(v.verdict == "holds" for v in verdicts)


def test_many_contexts_have_no_inverse():
    """Beyond some thousand contexts the reason is given."""
    e = mc.Experiment(mc.Markov(60, 2), mc.Accumulate(), 10, 2)
    with pytest.raises(mc.NoClosedForm, match="3661"):
        mc.predict(e)["absent"]
    assert mc.predict(e)["length"] == pytest.approx([10.0, 10.0], rel=1e-9)
    assert SOME.parameters == 2 + 9
