"""Claims and verdicts on small evidence: what holds, fails, is weak, or proves too little."""

import functools

import numpy as np
import pytest
from scipy.special import chdtr, ndtr

import modelcollapse as mc
from modelcollapse import evidence
from modelcollapse.ledger.claims import (
    BoundedClaim,
    Design,
    ExactClaim,
    Foreseen,
    FrequencyClaim,
    LawClaim,
    MeanClaim,
    SameLawClaim,
    TooWeak,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, quantity, spread
from modelcollapse.ledger.verification import decided, verify_all

E = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 2)
DESIGN = Design(lambda: E, 20_000)
ENTRY = functools.partial(Theorem, "a/b/c", "words", "x", "here", "none")


@pytest.fixture(scope="module")
def runs(seed):
    """Simulate once for the module."""
    return mc.simulate(E, DESIGN.replicates, seed)


def mean_claim(value=None, near=None, variance=None, side="two"):
    """Claim the mean of the variance at generation 2."""
    value = value or expectation("variance", 2)
    near = {"no collapse": constant(1.0)} if near is None else near
    variance = variance or spread("variance", 2)
    return MeanClaim(DESIGN, quantity("variance", 2), value, variance, near, side)


def verdict(claim, runs, kind="law"):
    """Return the verdict's word."""
    return decided(ENTRY(kind, "", claim), claim.examine(runs, 1e-9, 1e-9)).verdict


def test_a_mean_holds_or_fails(runs):
    """The predicted mean holds, another fails; a refuted claim is the other way round."""
    wrong = mean_claim(constant(1.0), {"twice": constant(2.0)})

    assert verdict(mean_claim(), runs) == "holds"
    assert verdict(wrong, runs) == "fails"
    assert verdict(wrong, runs, "refuted") == "refuted"
    assert verdict(mean_claim(), runs, "refuted") == "fails"


def test_a_near_miss_that_is_not_rejected_is_weak(runs):
    """On the other side a wrong value is not rejected: the verdict says so."""
    claim = mean_claim(constant(0.9), {"far above": constant(1.5)}, side="above")

    assert verdict(claim, runs) == "weak"
    assert claim.examine(runs, 1e-9, 1e-9).near_misses == {"far above": False}


def test_a_near_miss_too_close_is_a_defect(runs):
    """A near miss below the detectable effect proves nothing: the ledger is wrong to list it."""
    close = mean_claim(near={"0.1 % more": lambda e: 1.001 * expectation("variance", 2)(e)})

    with pytest.raises(TooWeak, match=r"near miss '0\.1 % more' differs by 0\.000\d+, and 20000"):
        close.examine(runs, 1e-9, 1e-9)


def test_a_mean_carried_by_rare_runs_is_refused(runs):
    """A coefficient of variation above 5 calls for a law."""
    with pytest.raises(TooWeak, match=r"coefficient of variation.* 6\.17"):
        mean_claim(variance=constant(25.0)).examine(runs, 1e-9, 1e-9)


def test_laws_hold_or_fail(runs):
    """The squared error at generation 1 is chi2(1)/10, not chi2(1)/5, and chi2(1)/10.1 is close."""

    def law(n):
        return lambda _: lambda x: chdtr(1, n * np.maximum(x, 0.0))

    def claim(n, near):
        return LawClaim(DESIGN, quantity("squared_error", 1), law(n), {"other": law(near)})

    assert verdict(claim(10, 5), runs) == "holds"
    assert verdict(claim(5, 10), runs) == "fails"
    with pytest.raises(TooWeak, match="near miss 'other'"):
        claim(10, 10.1).examine(runs, 1e-9, 1e-9)


def test_a_mean_needs_what_detects_its_nearest_near_miss():
    """With one replicate fewer the test's detectable effect is above the gap; never above all."""
    near = {"far": constant(2.0), "near": lambda e: 1.1 * expectation("variance", 2)(e)}
    claim, gap = mean_claim(near=near), 0.1 * 0.9**2
    variance = spread("variance", 2)(E)
    needed = claim.needed(E, 1e-9, 1e-6)
    fewer, enough = (
        evidence.mean(np.zeros(n), 0.0, variance, alpha=1e-9, beta=1e-6).detectable
        for n in (needed - 1, needed)
    )

    assert enough <= gap < fewer
    for hopeless in (constant(0.81), constant(0.8101), constant(np.nan)):
        assert mean_claim(constant(0.81), {"same": hopeless}).needed(E, 1e-9, 1e-9) == 20_000


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1e6, 1.0), (-3.0, 1e-6), (0.0, 1e9)])
def test_a_law_needs_what_detects_its_nearest_near_miss(shift, scale):
    """Wherever a law lies, its distance from a near miss is found, and DKW's formula inverted."""

    def normal(mean):
        return lambda _: lambda x: ndtr((x - shift) / scale - mean)

    claim = LawClaim(DESIGN, quantity("variance", 2), normal(0.0), {"moved": normal(0.4)})
    distance = ndtr(0.2) - ndtr(-0.2)  # in the middle between the two
    radii = np.sqrt(np.log(2 / 1e-9) / 2) + np.sqrt(np.log(2 / 1e-6) / 2)

    assert claim.needed(E, 1e-9, 1e-6) == pytest.approx((radii / distance) ** 2, rel=1e-3, abs=1)


def test_a_bounded_mean_needs_what_detects_its_nearest_near_miss():
    """Of any law with this mean in these bounds: the widest one has only the ends."""

    def bounded(value, near):
        near = {"far": constant(9.0), "near": constant(near)}
        ends = constant(0.0), constant(9.0)
        return BoundedClaim(DESIGN, quantity("variance", 2), constant(value), *ends, near)

    count = bounded(3.0, 4.0).needed(E, 1e-9, 1e-6)
    third = np.arange(count) % 3 == 0
    widest = evidence.bernstein_mean(9.0 * third, 3.0, 0, 9, alpha=1e-9, beta=1e-6)
    seen = [bounded(3.0, 3.0 + gap).needed(E, 1e-9, 1e-6) for gap in (0.5, 1.0, 2.0, 4.0)]

    assert 0.9 < widest.detectable <= 1
    assert seen == sorted(seen, reverse=True)
    assert bounded(0.5, 1.5).needed(E, 1e-9, 1e-6) < count  # near an end the spread is small
    for value, near in ((3.0, 3.0), (10.0, 3.0), (3.0, np.nan)):
        assert bounded(value, near).needed(E, 1e-9, 1e-9) == DESIGN.replicates


def test_what_depends_on_the_samples_is_not_foreseen():
    """The test of an event has no effect that is known beforehand."""
    event = FrequencyClaim(DESIGN, quantity("variance", 2), constant(0.5), {"0.1": constant(0.1)})

    assert not isinstance(event, Foreseen)
    assert isinstance(mean_claim(), Foreseen)


def test_bounds_hold_or_fail(runs):
    """P(v_1 < 0.5) = P(chi2(9) < 5) = 0.166: at most 0.2, not 0.05; 0.16 is not told from it."""

    def claim(bound, near):
        return FrequencyClaim(
            DESIGN,
            lambda r: r["variance"][:, 0] < 0.5,
            constant(bound),
            {"too small": constant(near)},
        )

    assert verdict(claim(0.2, 0.05), runs) == "holds"
    assert verdict(claim(0.05, 0.01), runs) == "fails"
    with pytest.raises(TooWeak):
        claim(0.2, 0.16).examine(runs, 1e-9, 1e-9)


def test_enclosures_hold_or_fail():
    """A number inside its interval holds, outside it fails, and so does an unbounded one."""
    near = {"other": lambda: 2.0}
    inside, outside = (ExactClaim(lambda v=v: (v, 0.9, 1.1), near) for v in (1.0, 1.2))
    above = ExactClaim(lambda: (2.5, 2.2, np.inf), near)

    assert verdict(inside, None, "identity") == "holds"
    assert verdict(outside, None, "identity") == "fails"
    assert verdict(above, None, "bound") == "holds"
    assert verdict(ExactClaim(lambda: (1.0, 0.9, 2.1), near), None, "limit") == "weak"
    assert inside.examine(None, 1e-9, 1e-9).samples == 0


def test_a_claim_that_cannot_fail_is_a_defect(runs):
    """So many samples reject no probability so near to 1, and none of a bounded mean so near."""
    near = {"less": constant(0.05)}
    event = functools.partial(FrequencyClaim, DESIGN, lambda r: r["variance"][:, 0] < 0.5)
    certain, likely = event(constant(1.0), near), event(constant(0.9999), near)
    few = SameLawClaim(np.zeros(3), np.zeros(3), {"ones": np.ones(3)})

    assert verdict(event(constant(0.99), near), runs) == "holds"
    for claim, why in [
        (certain, "every value that there can be meets it"),
        (likely, "at least 207223 samples"),  # log(1e-9)/log(0.9999) = 207222.2
        (few, "at least 45 samples"),
    ]:
        with pytest.raises(TooWeak, match=f"cannot fail: .*{why}"):
            claim.examine(runs, 1e-9, 1e-9)


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_a_near_miss_that_is_no_number_proves_nothing(runs, nothing):
    """It would be rejected whatever the evidence, or lies in no interval whatever is true."""
    near = {"other": constant(nothing)}
    bounded = BoundedClaim(
        *(DESIGN, quantity("variance", 1), constant(0.9), constant(0.0), constant(50.0), near)
    )
    for claim in (mean_claim(near=near), bounded):
        with pytest.raises(TooWeak, match="near miss 'other'"):
            claim.examine(runs, 1e-9, 1e-9)
    if np.isnan(nothing):
        with pytest.raises(TooWeak, match="near miss 'other' is not a number"):
            ExactClaim(lambda: (1.0, 0.9, 1.1), {"other": lambda: nothing}).examine(None, 0.1, 0.1)


def test_near_misses_have_statistics(runs):
    """The same evidence against a near miss gives a statistic on the claim's own threshold."""
    near = {"1": constant(1.0), "0.5": constant(0.5)}
    found = mean_claim(near=near).examine(runs, 1e-9, 1e-9)
    observed = 0.81 + found.statistic * np.sign(float(found.observed) - 0.81)
    assert found.near_statistics == pytest.approx({"1": 1 - observed, "0.5": observed - 0.5})

    statistic, zero = quantity("variance", 1), constant(0.0)
    bounded = BoundedClaim(
        DESIGN, statistic, constant(0.9), zero, constant(50.0), {"9": lambda _: 9}
    )
    law = LawClaim(
        DESIGN,
        quantity("squared_error", 1),
        lambda _: lambda x: chdtr(1, 10 * np.maximum(x, 0.0)),
        {"twice": lambda _: lambda x: chdtr(1, 20 * np.maximum(x, 0.0))},
    )
    event = FrequencyClaim(
        DESIGN, lambda r: r["variance"][:, 0] < 0.5, constant(0.2), {"less": constant(0.05)}
    )
    exact = ExactClaim(lambda: (1.0, 0.9, 1.1), {"2": lambda: 2.0, "near": lambda: 1.05})
    above = ExactClaim(lambda: (2.5, 2.2, np.inf), {"below": lambda: 2.0, "3": lambda: 3.0})
    for claim in (bounded, law, event, exact):
        found = claim.examine(None if claim is exact else runs, 1e-9, 1e-9)
        rejected = {n: s > found.threshold for n, s in found.near_statistics.items()}
        assert rejected == found.near_misses
    assert exact.examine(None, 0.1, 0.1).near_statistics == pytest.approx({"2": 1.0, "near": 0.05})
    assert above.examine(None, 0.1, 0.1).near_statistics == {"below": np.inf, "3": 0.0}


def test_expectations_of_changed_experiments():
    """`expectation` and `spread` read the prediction, with changes of the experiment."""
    assert expectation("variance", 2)(E) == pytest.approx(0.81)
    assert expectation("variance", 2, samples=20)(E) == pytest.approx(0.95**2)
    assert spread("variance", 1)(E) == pytest.approx(2 * 9 / 100)


def test_verify_reports_as_it_goes():
    """Each verdict is reported, progress reaches 1, and both come in the ledger's order."""
    reported, shares = [], []
    glob = "gaussian/accumulate/limit*"
    verdicts = verify_all(
        glob, report=reported.append, progress=lambda slug, share: shares.append((slug, share))
    )
    slugs = [t.slug for t in mc.theorems(glob)]

    assert [v.slug for v in reported] == [v.slug for v in verdicts] == slugs
    assert [slug for slug, _ in shares] == [*slugs, ""]
    assert shares[-1][1] == 1.0
    assert verdicts[0].near_misses_rejected == "4/4"
    plain = verdicts[0].as_dict()
    assert plain["as_expected"]
    assert plain["slug"] == slugs[0]
    assert set(plain["near_statistics"]) == set(plain["near_misses"])


def test_verify_one():
    """`verify` decides one theorem by its slug."""
    found = mc.verify("gaussian/keep-real/pooled", seed=3)

    assert found.verdict == found.expected == "holds"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mc.theorems("gaussian/acumulate/*"), "did you mean"),
        (lambda: mc.theorems("gaussian/acumulate/*"), "gaussian/accumulate/"),
        (lambda: mc.verify("gaussian/replace/varience"), "did you mean gaussian/replace/variance"),
        (lambda: mc.verify("gaussian/replace/*"), "use verify_all for a glob"),
        (lambda: mc.verify("gaussian/keep-real/pooled", alpha=0), "alpha = 0 is not valid"),
        (lambda: mc.verify("gaussian/keep-real/pooled", alpha=1), "strictly between 0 and 1"),
        (lambda: mc.verify("gaussian/keep-real/pooled", seed=-1), "seed = -1 is not valid"),
    ],
)
def test_wrong_input(call, message):
    """An unknown slug or glob lists the nearest; alpha and seed are checked."""
    with pytest.raises(mc.InvalidInput) as caught:
        call()

    assert message in str(caught.value)
