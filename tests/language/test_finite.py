"""Finite languages: the chains that are trained, and the ledger's claims about them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import modelcollapse as mc
from modelcollapse.cli import main
from modelcollapse.language import backend, finite
from modelcollapse.language.finite import (
    Chains,
    Distance,
    FiniteLanguage,
    FiniteLoop,
    run_loops,
)
from modelcollapse.language.sampling import HopelessError
from modelcollapse.language.tokens import Encoder
from modelcollapse.ledger import verification
from modelcollapse.ledger.claims import Trained
from modelcollapse.ledger.entries.language import design as designs
from modelcollapse.ledger.entries.language.claims import (
    AtMostClaim,
    DrawsClaim,
    NearMeanClaim,
    off,
    positions,
)
from modelcollapse.ledger.entries.language.common import CHAINS, DESIGNS, LAW, N, T
from modelcollapse.ledger.entries.language.design import MEAN, MOST, PROMPTS, LanguageDesign, Runs
from modelcollapse.ledger.entries.language.theorems import THEOREMS
from modelcollapse.ledger.verification import decided
from tests.helpers.language_models import offline  # noqa: F401

pytestmark = pytest.mark.language
ANYTHING = Distance(1.0, 1.0)
SMALL = FiniteLanguage(6, 4)
QUARTERS = (0.25, 0.25, 0.25, 0.25)
LOOPS = [t for t in THEOREMS if isinstance(t.claim, NearMeanClaim)]
FITS = [t for t in THEOREMS if isinstance(t.claim, AtMostClaim)]


@pytest.fixture
def short(monkeypatch):
    """Train for three steps."""
    monkeypatch.setattr(finite, "STEPS", 3)


def ideal(workflow, seed, distance=0.0, design=None):
    """Return what a transformer does at its optimum, or so far from it in total variation.

    The discrete room's simulation, with the law of another answer mixed into each fit; given to the
    claims of a design, by default the workflow's own.
    """
    e = DESIGNS[workflow].experiment()
    runs = mc.simulate(e, CHAINS, seed, extra=("probabilities",))
    rows = np.array([N, 2 * N, 3 * N] if workflow == "accumulate" else [N] * T)
    p = runs["probabilities"]
    counts = np.rint(p * rows[:, None]).astype(np.int64)
    other = np.eye(len(LAW))[p.argmin(axis=-1)]
    law = (1 - distance) * p + distance * other
    with np.errstate(divide="ignore"):
        nats = np.log(PROMPTS) - np.log(law)
    truths = np.tile(LAW, (CHAINS, 1))
    draws = np.zeros((CHAINS, T - 1, N), np.int64)
    models = CHAINS // PROMPTS
    chains = Chains(truths, counts, nats, draws, draws / 1.0, np.ones((models, T), np.int64))
    return DESIGNS[design or workflow].runs(chains)


@pytest.fixture(scope="module")
def trained():
    """Train one model for each generation, under replace."""
    return replace(DESIGNS["replace"], beside=()).run(PROMPTS, 3)


def test_the_chains_that_differ_are_no_more_than_a_binomial_law_allows():
    """The bound holds at each level, and is near to the law's own quantile."""
    for probability in (0.1, 1e-3, 5e-10):
        for chains, draws in ((CHAINS, 6), (CHAINS, 3), (PROMPTS, 1)):
            allowed = off(chains, draws, probability)
            law = stats.binom(chains * draws, MEAN)
            assert law.sf(np.ceil(allowed) - 1) <= probability
            assert allowed <= law.isf(probability) + 0.25 * allowed + 2


def test_positions_are_uniform_for_every_law(seed):
    """The parts of all answers fill [0, 1] once, the largest first; one without a part has none."""
    rng = np.random.default_rng(seed)
    laws = rng.dirichlet(np.full(5, 0.3), 7)
    laws[0] = (0.5, 0, 0, 0.5, 0)
    draws = np.tile(np.arange(5), (7, 1))
    ends = [positions(laws, draws, np.full(draws.shape, x)).reshape(7, 5) for x in (1.0, 0.0)]
    order = np.argsort(-laws, axis=1, kind="stable")
    low, high = (np.take_along_axis(end, order, axis=1) for end in ends)

    assert np.allclose(high - low, -np.sort(-laws, axis=1))
    assert np.allclose(low[:, 1:], high[:, :-1])
    assert np.allclose([low[:, 0], high[:, -1]], [[0] * 7, [1] * 7])


@pytest.mark.parametrize("theorem", LOOPS, ids=lambda t: t.slug)
def test_a_loop_at_the_optimum_holds_and_rejects_the_near_misses(theorem, seed):
    """And so does one that is as far from it as is allowed; a farther one proves nothing."""
    workflow = theorem.slug.split("/")[1]
    words = [
        verdict(theorem, ideal(workflow, seed, distance)).verdict
        for distance in (0.0, 0.0014, 0.002)
    ]

    assert words == ["holds", "holds", "weak"]


@pytest.mark.parametrize("workflow", DESIGNS)
def test_a_loop_of_another_workflow_fails(workflow, seed):
    """Its rows are still n for each prompt, and its law the empirical one."""
    other = {"replace": "accumulate-subsample"}.get(workflow, "replace")
    (theorem,) = mc.theorems(f"language/{workflow}/heterozygosity")

    assert verdict(theorem, ideal(other, seed, design=workflow)).verdict == "fails"


def verdict(theorem, runs):
    """Decide a theorem on runs, at the ledger's level."""
    with verification.Verification([], 0, thorough=False) as one:
        return one.decide(theorem, runs)


def test_a_trained_model_has_its_rows_law_and_loss(trained):
    """All that is decided without chance, each near miss rejected, on one model per generation."""
    found = [
        decided(theorem, theorem.claim.examine(trained, 1e-9, 1e-9))
        for theorem in FITS
        if theorem.claim.design == DESIGNS["replace"]
    ]

    assert len(found) == 4
    assert {v.verdict for v in found} == {"holds"}, found
    assert all(len(v.near_misses) >= 3 for v in found)


def test_a_trained_model_draws_from_its_law_and_its_chains_are_the_discrete_rooms(trained):
    """The next counts are those of the draws; a wrong law of them is found."""
    chains = trained.chains
    drawn = [[np.bincount(own, minlength=len(LAW)) for own in chain] for chain in chains.draws]
    claim = next(t.claim for t in THEOREMS if isinstance(t.claim, DrawsClaim))
    wrong = {"another prompt's": claim.near["of another prompt"]}
    found = replace(claim, near=wrong).examine(trained, 1e-9, 1e-9)

    assert np.array_equal(drawn, chains.counts[:, 1:])
    assert not found.rejected
    assert found.near_misses == {"another prompt's": True}
    assert trained["heterozygosity"].shape == (PROMPTS, T)
    assert isinstance(trained, Runs)
    assert chains.distances.max() <= MOST


@pytest.mark.parametrize("lost", ["a row", "an order"])
def test_rows_that_are_lost_or_mixed_up_are_found(trained, lost):
    """One row of one prompt fails the count; one prompt with another's law fails the law."""
    chains = trained.chains
    if lost == "a row":
        slug, counts = "language/replace/rows", chains.counts.copy()
        counts[5, 1, counts[5, 1].argmax()] -= 1
        wrong = replace(chains, counts=counts)
    else:
        slug, nats = "language/replace/empirical-law", chains.nats.copy()
        nats[[3, 4], 0] = nats[[4, 3], 0]
        wrong = replace(chains, nats=nats)
    (theorem,) = mc.theorems(slug)

    assert verdict(theorem, DESIGNS["replace"].runs(wrong)).verdict == "fails"


@pytest.mark.usefixtures("short")
def test_equal_rows_with_a_weight_train_the_same_model():
    """As the rows themselves do, up to rounding; and one's own language is fitted."""
    counts = np.array([[2, 1, 0, 0], [3, 0, 0, 0], [1, 1, 1, 0]] * 2)
    loop = FiniteLoop(SMALL, QUARTERS, mc.Accumulate(), 3, 2, ANYTHING)
    with backend.quiet():
        nats = [replace(loop, distinct=d)._fitted(counts, 0, 1)[1] for d in (False, True)]

    assert np.allclose(*nats, atol=1e-4)
    assert not np.allclose(nats[0], nats[0][0])


@pytest.mark.usefixtures("short")
def test_one_seed_gives_the_same_chains():
    """Another one gives others, and two models are two parts."""
    loop = FiniteLoop(SMALL, QUARTERS, mc.Replace(), 2, 1, ANYTHING)
    first, again, other = (run_loops([loop], 2, s, jobs=1)[0] for s in (0, 0, 1))

    assert np.array_equal(first.nats, again.nats)
    assert not np.array_equal(first.nats, other.nats)
    assert first.fits.tolist() == [[1], [1]]
    assert first.counts.shape == (12, 1, 4)
    assert first.draws.shape == (12, 0, 2)
    assert not np.array_equal(*first.by_model(first.counts))


@pytest.mark.usefixtures("short")
def test_loops_beside_each_other_share_generation_one():
    """The first is what it is alone; the others go on from the same draws."""
    workflows = mc.Replace(), mc.Accumulate()
    first, other = loops = [
        FiniteLoop(SMALL, QUARTERS, workflow, 2, 2, ANYTHING, distinct=workflow is workflows[1])
        for workflow in workflows
    ]
    alone, together = run_loops([first], 1, 0)[0], run_loops(loops, 1, 0)
    pooled = together[0].counts.sum(axis=1)

    assert np.array_equal(alone.nats, together[0].nats)
    assert np.array_equal(together[1].nats[:, 0], alone.nats[:, 0])
    assert np.array_equal(together[1].draws, alone.draws)
    assert np.array_equal(together[1].counts[:, 1], pooled)
    assert np.allclose(run_loops([other], 1, 0)[0].nats[:, 0], alone.nats[:, 0], atol=1e-4)


@pytest.mark.usefixtures("short")
def test_a_fit_that_is_too_far_is_made_again(monkeypatch):
    """From other weights; the last one is given, and what it misses is for the claims to see."""
    monkeypatch.setattr(finite, "ATTEMPTS", 2)
    loop = FiniteLoop(SMALL, QUARTERS, mc.Replace(), 2, 1, Distance(1e-9, 1e-9))

    assert run_loops([loop], 1, 0)[0].fits.tolist() == [[2]]


@pytest.mark.usefixtures("short")
def test_a_malformed_answer_is_drawn_again(monkeypatch):
    """Until every prompt has its rows; a model that hardly ever answers is hopeless."""
    decode, seen = Encoder.decode, []

    def second_alone(self, samples):
        seen.append(len(samples))
        rows = decode(self, samples)
        return [rows[0], *["malformed"] * (len(rows) - 1)] if len(seen) == 1 else rows

    loop = FiniteLoop(SMALL, QUARTERS, mc.Replace(), 2, 1, ANYTHING)
    language = replace_completed(monkeypatch)
    monkeypatch.setattr(Encoder, "decode", second_alone)
    answers = loop._sampled(None, 0)

    assert seen == [12, 11]
    assert answers.shape == (6, 2)
    assert set(answers.ravel()) == {1}
    language["end"] = False
    with pytest.raises(HopelessError, match="12 prompts' rows have no answer"):
        loop._sampled(None, 0)


def replace_completed(monkeypatch):
    """Let every prompt be answered by a1, and the end unless it is taken away."""
    how = {"end": True}

    def completed(model, encoder, prefixes, *_):
        del model
        answer = encoder.tokenizer.convert_tokens_to_ids("a1")
        last = encoder.end if how["end"] else answer
        return [[answer, last] for _ in prefixes]

    monkeypatch.setattr(finite, "completed", completed)
    return how


def test_a_workflow_that_weights_rows_is_refused():
    """Its rows have no counts."""
    workflow = mc.Weighted([[1], [0.5, 0.5]])
    loop = FiniteLoop(SMALL, QUARTERS, workflow, 2, 1, ANYTHING)
    with pytest.raises(mc.InvalidInput, match="weights rows"):
        run_loops([loop], 1, 0)


def test_the_template_reads_what_it_writes():
    """And nothing else."""
    encoder = SMALL.encoder
    row = {"prompt": "p5", "response": "a3"}

    assert encoder.decode([ids[1:] for ids in encoder.encode([row])]) == [row]
    for text in ("a3 p5", "p5", "p5 p5", "p5 a3 a3", ""):
        assert encoder.template.read(text) is None


def test_the_entries_share_three_designs():
    """Each a design that runs its loops itself, of the discrete room's experiment."""
    found = {t.claim.design for t in THEOREMS}

    assert found == set(DESIGNS.values())
    assert all(isinstance(one, Trained) for one in found)
    assert CHAINS >= 2_000
    assert all(len(t.claim.near) >= 3 for t in THEOREMS)


def test_without_the_extra_the_rest_is_verified(monkeypatch, capsys):
    """The command says how many were left out; alone they cannot be verified."""
    monkeypatch.setattr(designs, "_lacks", lambda: "language")

    def none(*_):
        raise mc.MissingDependency("needs torch")

    monkeypatch.setattr(LanguageDesign, "run", none)
    assert main(["verify", "--only", "*e/replace/rows", "--quiet"]) == 2
    assert "needs torch" in capsys.readouterr().err
    only = "[dl]*/accumulate/[lr]*"  # two of them, a limit and language/accumulate/rows
    assert main(["verify", "--only", only, "--quiet"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1 theorem: 1 hold" in told
    assert "1 theorem of language/ not run: the extra language is not installed" in told
    with pytest.raises(mc.MissingDependency):
        mc.verify_all("language/*")
