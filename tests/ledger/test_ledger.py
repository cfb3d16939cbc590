"""The ledger, one item per theorem: `pytest -k accumulate` verifies what has that in its slug.

As `modelcollapse.testing.ledger` does it, with more: each verdict is asked for a second time, of a
prediction that was tampered with. Theorems that share an experiment share its simulation: the
fixture knows from the collected items which designs will be looked at how often.
"""

import re
from collections import Counter
from functools import partial
from typing import get_args

import numpy as np
import pytest
from scipy import special, stats

import modelcollapse as mc
from modelcollapse.ledger.claims import BoundedClaim, MeanClaim, Trained
from modelcollapse.ledger.theorem import ROOMS, Kind
from modelcollapse.ledger.verification import ALPHA, Verification
from modelcollapse.loop.experiment import Lazy
from modelcollapse.testing.checks import hold
from tests.helpers.tampering import WRONG, detecting, tampering

SLUGS = [t.slug for t in mc.theorems()]
KINDS = get_args(Kind)
MEANS = [t.slug for t in mc.theorems() if isinstance(t.claim, MeanClaim | BoundedClaim)]


class Shared(Verification):
    """The ledger simulated once for both uses of its evidence, the honest and the tampered one.

    Blocks of replicates have streams of their own, so the first ones of a long simulation are the
    bits of a short one: `verdict` decides on those that ``modelcollapse verify`` takes, or, of a
    prediction that was tampered with, on as many as tell an error of some per cent. Each simulation
    is dropped after its last use.
    """

    def __init__(self, used, seed):
        # Counted before anything is tampered with: simulations run ahead, in a second thread.
        usual = Verification([theorem for theorem, _ in used], seed, thorough=False)
        designs = {theorem.claim.design for theorem, _ in used} - {None}
        self.usual = {design: usual.replicates(design, design.experiment()) for design in designs}
        self.most = Counter(self.usual)
        for theorem, wrong in used:
            if wrong and (design := theorem.claim.design):
                self.most[design] = max(self.most[design], detecting(theorem))
        super().__init__([theorem for theorem, _ in used], seed, thorough=True)

    def replicates(self, design, experiment):
        """Return how many replicates the more demanding of the two uses needs."""
        del experiment
        return self.most[design]

    def verdict(self, theorem, *, tampered=False):
        """Decide a theorem on the replicates of one of the two uses."""
        runs = self.take(theorem.claim.design)
        if runs is not None and not tampered:
            runs = first(runs, self.usual[theorem.claim.design])
        return self.decide(theorem, runs)


def first(runs, count):
    """Return the first replicates of a simulation."""
    values = {name: partial(lambda name: runs[name][:count], name) for name in runs}
    return mc.Trajectories(runs.experiment, runs.generations, count, Lazy(values))


@pytest.fixture(scope="module")
def simulations(request, seed):
    """Hold the simulations of the collected items of `test_the_ledger`."""
    used = [
        (mc.theorems(item.callspec.params["slug"])[0], item.callspec.params["wrong"])
        for item in request.session.items
        if item.nodeid.startswith(f"{request.node.nodeid}::{test_the_ledger.__name__}[")
    ]
    with Shared(used, seed) as shared:
        yield shared


@pytest.mark.parametrize("slug", SLUGS)
def test_entries_are_complete(slug):
    """Statement, formula, source and assumptions are there, and the kind is a known one."""
    (theorem,) = mc.theorems(slug)

    for text in (theorem.statement, theorem.latex, theorem.source, theorem.assumptions):
        assert text.strip()
    assert theorem.parameters.strip()
    assert slug.split("/")[0] in ROOMS
    assert theorem.kind in KINDS
    if theorem.kind in ("identity", "limit"):  # decided without chance
        assert theorem.claim.design is None
    if theorem.kind == "law":
        assert theorem.claim.design is not None


@pytest.mark.parametrize("slug", MEANS)
def test_near_misses_of_means_are_other_numbers(slug):
    """Each can be computed without a simulation, and is finite and not the claim's own."""
    claim = mc.theorems(slug)[0].claim
    e = claim.design.experiment()
    values = {name: float(value(e)) for name, value in claim.near.items()}

    assert all(np.isfinite(value) for value in values.values()), values
    assert float(claim.value(e)) not in values.values()


def test_what_is_refuted_is_plausible_or_can_be_pointed_at():
    """No paper is named but with the place of what it says, or as the one that refutes."""
    sources = [t.source for t in mc.theorems() if t.kind == "refuted"]

    assert all("plausible" in source or "its figure" in source for source in sources), sources


def _gamma_limit(n):
    x = np.pi / n**0.5
    return n * (np.sinh(x) / x - 1)


def _pairs_apart(n):
    """Return the time to collapse of two equal outcomes, by iterating the chain of one's count."""
    chain = stats.binom.pmf(np.arange(n + 1), n, np.arange(n + 1)[:, None] / n)
    law, waited = stats.binom.pmf(np.arange(n + 1), n, 0.5), 1.0
    while (apart := law[1:-1].sum()) > 1e-9:
        waited, law = waited + apart, law @ chain
    return waited


SHARPENED = {  # the exact value in n and what is published, or in t
    "exponential/replace/faster-than-linearly": (lambda n: n * ((1 + 1 / n) ** 5 - 1), 5),
    "exponential/accumulate/inflation-passes-pi-squared-over-6": (
        lambda n: n * (np.prod([1 + 1 / (n * k * k) for k in range(1, 7)]) - 1),
        sum(1 / k**2 for k in range(1, 7)),
    ),
    "exponential/accumulate/inflation-limit": (_gamma_limit, np.pi**2 / 6),
    "discrete/replace/diffusion-time": (lambda n: _pairs_apart(n) / n, 2 * np.log(2)),
    "regression/accumulate/fresh-design-below-pi-squared-over-6": (
        lambda n: (n - 6) / 6 * (special.digamma(1) - special.digamma(1 - 6 / n)),
        np.pi**2 / 6,
    ),
    "discrete/replace/survival-exponent": (None, None),
}


@pytest.mark.parametrize("slug", [t.slug for t in mc.theorems() if t.kind == "sharpened"])
def test_what_is_sharpened_says_where_one_per_cent_is_lost(slug):
    """It holds; a near miss is the published form, and `parameters` say where that is 1 % off."""
    (theorem,) = mc.theorems(slug)
    exact, published = SHARPENED[slug]
    (last,) = re.findall(r"1 % off from [nt]=(\d+) on$", theorem.parameters)

    assert theorem.expected == "holds"
    assert any(name.startswith(("large n: ", "the bound ")) for name in theorem.claim.near)
    if exact is None:  # a bound that is worse for large t: at t = 1 it is exact, at t = 2 not
        assert last == "2"
        assert np.expm1(-3 / 2) / np.expm1(-3 * (1 - np.exp(-1))) < 0.99
    else:
        off = [abs(published / exact(int(last) + k) - 1) for k in (-1, 0, 1)]
        assert off[0] > 0.01 >= off[1] > off[2]


def test_the_ledger_as_a_whole():
    """At least 20 theorems, all different; every kind and every workflow has one."""
    assert len(SLUGS) >= 20
    assert len(set(SLUGS)) == len(SLUGS)
    assert {t.kind for t in mc.theorems()} == set(KINDS)
    for room in set(ROOMS) - {"mixed", "curated"}:  # they are about other workflows
        for workflow in ("replace", "accumulate", "accumulate-subsample"):
            assert mc.theorems(f"{room}/{workflow}/*")


# What is trained takes minutes: tests/language/test_finite.py decides it on less.
SIMULATED = [t.slug for t in mc.theorems() if not isinstance(t.claim.design, Trained)]
USES = [
    (slug, wrong) for slug in SIMULATED for wrong in (False, True) if slug in WRONG or not wrong
]


@pytest.mark.parametrize(
    ("slug", "wrong"), USES, ids=[f"{slug}-wrong" if wrong else slug for slug, wrong in USES]
)
def test_the_ledger(slug, wrong, simulations, request):
    """Each entry has the expected verdict, and fails once its prediction is some per cent off.

    Its near misses, at least three, are rejected on the same evidence. A wrong prediction is found
    by no more replicates than a thorough verification takes.
    """
    (theorem,) = mc.theorems(slug)
    if not wrong:
        verdict = simulations.verdict(theorem)
        hold(request.node, [verdict], ALPHA)
        assert len(verdict.near_misses) >= 3
        assert all(verdict.near_misses.values()), verdict.near_misses
        return
    if theorem.claim.design:
        assert detecting(theorem) <= theorem.claim.design.replicates
    with tampering(slug):
        verdict = simulations.verdict(theorem, tampered=True)
    assert verdict.verdict == "fails", verdict
