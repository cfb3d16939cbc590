"""The rooms `mixed` and `curated`, as `test_theory` walks them: mostly functions.

A quantity "mixed.name" or "curated.name" is what the function of that name returns; others are
looked up in a prediction.
"""

import numpy as np
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from modelcollapse.families.curated import LabelVerifier, RegionVerifier
from tests.helpers.theory_loops import rationals
from theory import curated, mixed_data
from theory.curated_loop import CuratedDomain, Labels, Region, Verified
from theory.mixed_loop import Setting

DERIVATIONS = (*mixed_data.DERIVATIONS, *curated.DERIVATIONS)
PROOFS = (*mixed_data.PROOFS, *curated.PROOFS)

ROWS = st.integers(1, 40)
SHARES = st.builds(lambda a, b: Rational(a, a + b), st.integers(1, 9), st.integers(1, 9))
CLOSED = SHARES | st.sampled_from([Rational(0), Rational(1)])
SIGNED = st.builds(Rational, st.integers(-8, 8), st.integers(4, 6))
# Radii from a quarter to six spreads.
RADII = st.builds(Rational, st.integers(2, 12), st.integers(4, 6))
ARGUMENTS = {
    "real": ROWS,
    "synthetic": ROWS,
    "generator_rows": ROWS,
    "samples": ROWS,
    "kept": ROWS,
    "generation": st.integers(1, 9),
    "generations": st.integers(1, 5),
    "dim": st.integers(1, 6),
    "weight": SHARES | st.just(Rational(1)),
    "share": CLOSED,
    "real_share": CLOSED,
    "synthetic_share": SHARES,
    "curvature": st.just(Rational(-1)) | st.builds(Rational, st.integers(-6, 30), st.just(6)),
    "curvature_per_row": st.builds(Rational, st.integers(-6, 30), st.just(7)),
    "temperature": rationals,
    "shift": rationals,
    "noise": rationals,
    "workflow": st.sampled_from(["fresh-data", "keep-real"]),
    "inflation": st.builds(lambda q: 1 + q, rationals),
    "label_error": CLOSED,
    "keep_correct": SHARES | st.just(Rational(1)),
    "keep_wrong": SHARES | st.just(Rational(1)),
    "radius": RADII,
    "spread": rationals,
    "start": SIGNED,
    "centre": SIGNED,
    "bias": SIGNED,
}


def plain(value):
    """Return an argument as the package takes it."""
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return float(value) if isinstance(value, Rational) else value


def experiment(loop):
    """Return the package's experiment for a verified loop."""
    if isinstance(loop, Labels):
        kept = map(float, (loop.keep_correct, loop.keep_wrong, loop.noise))
        model = LabelVerifier(*kept, cells=loop.cells)
    else:
        model = RegionVerifier(*map(float, (loop.centre, loop.radius, loop.spread)))
    truth, generations = float(loop.truth), len(loop.sizes)
    return mc.Experiment(model, mc.Replace(), list(loop.sizes), generations, truth=truth)


def shipped(derivation, loop):
    """Return what the function that the derivation names returns, as one array."""
    room, key = derivation.quantity.split(".")
    if room not in {"mixed", "curated"}:
        return getattr(mc.predict(experiment(loop)), room)[key]
    function = getattr(getattr(mc, room), key)
    if isinstance(loop, Labels | Region):
        found = function(experiment(loop))
    else:
        found = function(**{name: plain(value) for name, value in loop.given().items()})
    return np.concatenate([np.ravel(part) for part in found]) if np.ndim(found) else found


def settled(loop):
    """Return whether no limit is on its edge, where rounding decides between both sides."""
    if loop.real is None or loop.synthetic is None or loop.dim is not None:
        return True
    u, n = loop.sampled, Rational(loop.synthetic)
    heat, v2 = loop.temperature or 1, loop.curvature or 0
    hot = 1 + u - heat * (u * (1 + u) - u**2 / n)
    return u**2 * (1 + v2 / n) != 1 and hot != 0


def loops(domain):
    """Draw a loop, or the arguments of one question, in general position."""
    if isinstance(domain, CuratedDomain):
        return questions(domain, Verified) if domain.arguments else verified(domain)
    return questions(domain, Setting).filter(settled)


@st.composite
def questions(draw, domain, kind):
    """Draw the arguments of one question."""
    drawn = {name: draw(ARGUMENTS[name]) for name in domain.arguments if name in ARGUMENTS}
    for name in getattr(domain, "optional", ()):
        if draw(st.booleans()):
            drawn[name] = draw(ARGUMENTS[name])
    if "sizes" in domain.arguments:
        sizes = draw(st.lists(ROWS, min_size=1, max_size=6))
        fresh = [draw(SHARES | st.just(Rational(0))) for _ in sizes[1:]]
        drawn |= {"sizes": tuple(sizes), "real_shares": (Rational(1), *fresh)}
    if "dim" in drawn:  # enough rows for a finite risk
        drawn["synthetic"] += max(0, drawn["dim"] + 2 - drawn["real"])
    return kind(**drawn)


@st.composite
def verified(draw, domain):
    """Draw a loop of labels or of a region."""
    sizes = draw(st.lists(st.integers(1, 15), min_size=1, max_size=5))
    if domain.constant:
        sizes = sizes[:1] * (len(sizes) + 1)
    if domain.loop == "region":
        return Region(tuple(sizes), *map(draw, (SIGNED, RADII, rationals, SIGNED)))
    keep, noise = ARGUMENTS["keep_wrong"], SHARES
    kept = draw(keep), draw(keep)
    return Labels(tuple(sizes), *kept, draw(noise), draw(CLOSED), draw(st.integers(1, 4)))
