"""Verifying theorems of one's own: the same evidence, the same words, and clear refusals."""

import math
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.ledger import verification
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim, mean_claim
from modelcollapse.ledger.values import constant, expectation, fixed, quantity, spread

LOOP = mc.Experiment(mc.Gaussian(), mc.SlidingWindow(2), samples=10, generations=3)
DESIGN = Design(lambda: LOOP, 20_000)
NEAR = {"no collapse": constant(1.0)}
MEAN = mc.Theorem(
    "mine/window/variance",
    "A window of two batches loses variance.",
    "E v_t",
    "here",
    "none",
    "law",
    "n=10 t=3",
    mean_claim(DESIGN, "variance", 3, NEAR),
)
LIMIT = replace(
    MEAN,
    slug="mine/number",
    kind="limit",
    claim=ExactClaim(lambda: (1.0, 0.9, 1.1), {"two": fixed(2.0)}),
)
LEDGER = "gaussian/keep-real/pooled"


def test_one_theorem_of_ones_own(seed):
    """Its verdict has the same fields as the ledger's, and a near miss too near makes it weak."""
    found = mc.verify(MEAN, seed=seed, thorough=True)
    near = {"0.1 % more": lambda e: 1.001 * expectation("variance", 3)(e)}
    weak = mc.verify(replace(MEAN, claim=replace(MEAN.claim, near=near)), seed=seed, alpha=1e-6)

    assert (found.slug, found.verdict, found.samples) == (MEAN.slug, "holds", 20_000)
    assert found.as_expected
    assert found.near_misses == {"no collapse": True}
    assert weak.verdict == "weak"
    assert "20000 samples detect" in weak.observed


def test_a_verification_takes_what_its_near_misses_need(seed):
    """Whole blocks, enough for the most demanding theorem of a design; all where it is thorough."""
    nearer = replace(MEAN, claim=replace(MEAN.claim, near={"0.7": constant(0.7)}))
    needed = [theorem.claim.needed(LOOP, 1e-9, 1e-9) for theorem in (MEAN, nearer)]
    usual, alone = mc.verify_all([MEAN, nearer], seed=seed), mc.verify(MEAN, seed=seed)

    assert needed[0] < 2_048 < needed[1] < 20_000
    assert alone.samples == 2 * 1024
    assert [v.samples for v in usual] == [1024 * math.ceil(needed[1] / 1024)] * 2
    assert {v.verdict for v in (*usual, alone)} == {"holds"}
    assert mc.verify(nearer, seed=seed, thorough=True).samples == 20_000


def test_a_claim_of_ones_own_gets_all_replicates(seed):
    """It need not say how many it needs; what it shares a design with gets them too."""

    @dataclass(frozen=True)
    class Own:
        design: Design
        near: dict = field(default_factory=dict, compare=False)

        def examine(self, runs, alpha, beta):
            """Decide as the mean's claim does."""
            return MEAN.claim.examine(runs, alpha, beta)

    own = replace(MEAN, claim=Own(DESIGN, NEAR))
    found = mc.verify_all([own, MEAN], seed=seed)

    assert [(v.verdict, v.samples) for v in found] == [("holds", 20_000)] * 2


def test_the_first_replicates_are_those_of_a_shorter_simulation(seed):
    """So a verdict on a part of a longer simulation is the verdict of `verify`."""
    for slug in ("gaussian/keep-real/variance", "kde/keep-real/second-moment"):
        (theorem,) = mc.theorems(slug)
        design, alone = theorem.claim.design, mc.verify(slug, seed=seed)
        options = {"extra": design.extra, "test": design.test}
        runs = mc.simulate(design.experiment(), alone.samples + 1024, seed, design.at, **options)
        samples = theorem.claim.statistic(runs)[: alone.samples]
        shorter = mc.simulate(design.experiment(), alone.samples, seed, design.at, **options)

        assert np.array_equal(samples, theorem.claim.statistic(shorter))


def test_a_wrong_theorem_of_ones_own_fails(seed):
    """Replace's formula is not a window's; as a claim of the kind "refuted" it is refuted."""
    value = expectation("variance", 3, workflow=mc.Replace())
    claim = MeanClaim(DESIGN, quantity("variance", 3), value, spread("variance", 3), NEAR)
    wrong = replace(MEAN, claim=claim)
    kinds = ("law", "sharpened", "refuted")
    found = mc.verify_all([replace(wrong, kind=kind) for kind in kinds], seed=seed)

    assert [v.verdict for v in found] == ["fails", "fails", "refuted"]
    assert [v.as_expected for v in found] == [False, False, True]


def test_theorems_are_decided_together_in_the_order_given(seed, monkeypatch):
    """Those of the ledger and one's own may be mixed; one design is simulated once."""
    calls, reported, simulate = [], [], verification.simulate
    monkeypatch.setattr(
        verification, "simulate", lambda e, *a, **k: calls.append(e) or simulate(e, *a, **k)
    )
    mixed = (t for t in (MEAN, *mc.theorems(LEDGER), LIMIT, MEAN))
    found = mc.verify_all(mixed, seed=seed, report=reported.append)

    assert [v.slug for v in found] == [MEAN.slug, LEDGER, LIMIT.slug, MEAN.slug]
    assert {v.verdict for v in found} == {"holds"}
    assert reported == found
    assert found[0] == found[3]
    assert calls == [LOOP]


def test_the_ledger_is_checked_by_the_same_rules():
    """No entry of the ledger would be refused if it were given as a theorem of one's own."""
    for theorem in mc.theorems():
        verification._check(theorem)

    assert mc.verify(LEDGER) == mc.verify(mc.theorems(LEDGER)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mc.verify_all([]), "give at least one theorem"),
        (lambda: mc.verify_all(3), "which = 3 is not valid: give a glob of slugs, or theorems"),
        (lambda: mc.verify_all([LEDGER]), "Theorem(...) objects"),
        (lambda: mc.verify(3), "theorem = 3 is not valid: give a slug or a Theorem"),
        (lambda: mc.verify("*"), "give one slug, or use verify_all for a glob"),
        (lambda: mc.verify(replace(MEAN, kind="lemma")), "'mine/window/variance': kind = 'lemma'"),
        (lambda: mc.verify(replace(MEAN, claim=0.5)), "claim = 0.5 is not valid: give a claim"),
        (lambda: mc.verify(replace(MEAN, claim=MeanClaim)), "give a claim"),
        (
            lambda: mc.verify(replace(MEAN, claim=replace(MEAN.claim, near={}))),
            "'mine/window/variance': near = {} is not valid: name a near miss",
        ),
        (
            lambda: mc.verify(replace(MEAN, claim=replace(MEAN.claim, design=Design(LOOP, 10)))),
            "a function that returns an Experiment",
        ),
        (
            lambda: mc.verify(replace(MEAN, claim=replace(MEAN.claim, design=LOOP))),
            "give a Design whose experiment is a function",
        ),
    ],
)
def test_wrong_input(call, message):
    """A theorem that cannot be decided, or could not be wrong, is refused before any simulation."""
    with pytest.raises(mc.InvalidInput) as caught:
        call()

    assert message in str(caught.value)


def test_the_building_blocks_are_public():
    """What a theorem is made of is reached from the package itself."""
    assert {"Theorem", "Verdict", "claims", "evidence", "values"} <= set(mc.__all__)
    assert all(hasattr(mc.claims, name) for name in mc.claims.__all__)


def test_another_process_compiles_what_a_verification_calls(monkeypatch):
    """Each design once, from the last one on, on few replicates; of what is computed nothing."""
    simulated, which = [], "discrete/*"
    monkeypatch.setattr(
        verification, "simulate", lambda *of, **options: simulated.append((of, options))
    )
    verification.compile_for(which)
    designs = dict.fromkeys(t.claim.design for t in mc.theorems(which) if t.claim.design)
    assert [of for of, _ in simulated] == [
        (d.experiment(), verification.FEW, 0, d.at) for d in reversed(designs)
    ]
    assert [o for _, o in simulated] == [
        {"extra": d.extra, "test": d.test} for d in reversed(designs)
    ]
    assert simulated


@pytest.mark.parametrize(
    ("which", "helps"), [("discrete/*", True), (LEDGER, False), ("*/large-sample-law", False)]
)
def test_another_process_helps_where_there_is_enough_to_do(which, helps, monkeypatch):
    """Of few simulations, or none, it would compile what this one compiles at the same time."""
    calls = []
    monkeypatch.setattr(verification, "helped", lambda call: nullcontext(calls.append(call)))
    with verification.helped_to_compile(which):
        pass
    told = f"from {verification.__name__} import compile_for; compile_for({which!r})"
    assert calls == [told] * helps
