"""Every derivation in `theory` equals the prediction that ships; every proof holds.

The two sides were written independently: `theory` starts from the definition of the loop, in
exact arithmetic, and shares no code with the package.
"""

import mpmath as mp
import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from theory import gaussian, gaussian_loop, kde, kde_loop
from theory.kde_density import FREQUENCIES, POINTS
from theory.kde_truth import Truth

DERIVATIONS = (*gaussian.DERIVATIONS, *kde.DERIVATIONS)
PROOFS = (*gaussian.PROOFS, *kde.PROOFS)

WORKFLOWS = {
    "replace": lambda _: mc.Replace(),
    "accumulate": lambda _: mc.Accumulate(),
    "accumulate-subsample": mc.AccumulateSubsample,
    "sliding-window": mc.SlidingWindow,
    "keep-real": lambda share: mc.KeepReal(None if share is None else float(share)),
}

# A prediction is some hundred operations in double precision on numbers of order 1 to 10^3, each
# off by 1.1e-16, and the conversion of the parameters costs as much: about 1e-13 in all, relative
# to the largest number that enters. Differences of such numbers (a variance, 1 - product, a sum
# of logarithms) lose at most three digits on these domains, hence 1e-10; where the difference is
# zero, what is left is the rounding of numbers of order 1, far below 1e-12. Quadratures (errors
# and losses of kernel density estimates) promise 1e-10 of what they return, and keep 1e-11.
RELATIVE, ABSOLUTE = 1e-10, 1e-12

QUICK = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def number(value):
    """Return an exact number as the nearest double."""
    if isinstance(value, mp.mpf):
        return float(value)
    return np.inf if value == sympy.oo else float(sympy.N(value, 30))


def agree(shipped, exact):
    """Compare a shipped number or array with exact values."""
    expected = np.array([number(value) for value in exact])
    actual = np.atleast_1d(np.asarray(shipped, dtype=float))
    same = actual.shape == expected.shape
    return same and np.allclose(actual, expected, rtol=RELATIVE, atol=ABSOLUTE)


def shared(loop):
    """Return the parameters that experiments of all rooms have, by name."""
    return {
        "workflow": WORKFLOWS[loop.workflow](loop.option),
        "samples": list(loop.sizes) if len(set(loop.sizes)) > 1 else loop.sizes[0],
        "generations": len(loop.sizes),
    }


def gaussian_experiment(loop):
    """Return the package's experiment for a Gaussian loop of `theory`."""
    truth = loop.truth
    if truth is not None and truth.rows is not None:
        truth = np.array(truth.rows, dtype=float)
    elif truth is not None:
        truth = mc.Normal(np.array(truth.mean, float), np.array(truth.covariance, float))
    model = mc.Gaussian(dim=loop.dim, ddof=loop.ddof)
    heat = float(loop.temperature)
    return mc.Experiment(model, truth=truth, temperature=heat, **shared(loop))


def bandwidth(rule):
    """Return a bandwidth of the package."""
    if isinstance(rule, kde_loop.Power):
        return mc.PowerBandwidth(*map(float, (rule.scale, rule.exponent, rule.log_exponent)))
    if isinstance(rule, tuple):
        return list(map(float, rule))
    return rule if rule is None or isinstance(rule, str) else float(rule)


def density(truth):
    """Return a truth of the package: None, a data set, a normal distribution, a mixture."""
    weights, means = np.array(truth.weights, float), np.array(truth.means, float)
    if truth.covariances is None:
        return means
    covariances = np.array(truth.covariances, float)
    if truth == Truth.standard(truth.dim):
        return None
    if len(weights) == 1:
        return mc.Normal(means[0], covariances[0])
    return mc.NormalMixture(weights, means, covariances)


def kde_experiment(loop):
    """Return the package's experiment for a loop of kernel density estimates."""
    model = mc.KDE(
        bandwidth(loop.rule),
        kernel=loop.kernel,
        dim=loop.dim,
        scoring_bandwidth=bandwidth(loop.scoring),
    )
    return mc.Experiment(model, truth=density(loop.truth), **shared(loop))


def experiment(loop):
    """Return the package's experiment for a loop of `theory`."""
    kernel = isinstance(loop, kde_loop.Loop)
    return kde_experiment(loop) if kernel else gaussian_experiment(loop)


def law(shipped):
    """Return what `theory.kde_density.laws` lists of one law."""
    x, w = np.array(POINTS, float), np.array(FREQUENCIES, float)
    wave = shipped.characteristic_function(w)
    moments = [shipped.mean, shipped.variance]
    return np.concatenate([shipped.cdf(x), shipped.pdf(x), wave.real, wave.imag, moments])


def shipped(derivation, loop):
    """Look the prediction up where the derivation says it is."""
    part, key = derivation.quantity.split(".")
    found = getattr(mc.predict(experiment(loop)), part)[key]
    return np.concatenate([law(each) for each in found]) if part == "laws" else found


rationals = st.builds(Rational, st.integers(1, 8), st.integers(4, 6))


@st.composite
def truths(draw, kinds, dim):
    """Draw None, a normal truth or a small data set, with rational parameters."""
    kind = draw(st.sampled_from(kinds))
    entries = st.integers(-3, 3).map(Rational)
    if kind == "standard":
        return None
    if kind == "normal":
        mean = tuple(draw(st.lists(entries, min_size=dim, max_size=dim)))
        lower = sympy.zeros(dim)
        for i in range(dim):
            lower[i, i] = draw(rationals)
            for j in range(i):
                lower[i, j] = draw(entries) / 4
        return gaussian_loop.Truth(mean, tuple(map(tuple, (lower * lower.T).tolist())))
    count = draw(st.integers(2, 6))
    row = st.tuples(*[entries] * dim)
    rows = draw(st.lists(row, min_size=count, max_size=count).filter(lambda r: len(set(r)) > 1))
    return gaussian_loop.Truth(rows=tuple(rows))


@st.composite
def densities(draw, kinds, dim):
    """Draw a truth for kernel density estimates, with rational parameters."""
    kind = draw(st.sampled_from(kinds))
    if kind == "mixture":
        parts = [draw(truths(("normal",), dim)) for _ in range(draw(st.integers(2, 3)))]
        shares = [draw(rationals) for _ in parts]
        weights = tuple(share / sum(shares) for share in shares)
        return Truth(weights, *zip(*((part.mean, part.covariance) for part in parts), strict=True))
    if kind == "isotropic":
        mean = draw(st.lists(st.integers(-3, 3), min_size=dim, max_size=dim))
        return Truth.normal(mean, draw(rationals) * sympy.eye(dim))
    truth = draw(truths((kind,), dim))
    if truth is None:
        return Truth.standard(dim)
    if truth.rows is None:
        return Truth.normal(truth.mean, truth.covariance)
    return Truth((Rational(1, len(truth.rows)),) * len(truth.rows), truth.rows)


@st.composite
def options(draw, workflow, *, vary):
    """Draw a budget, a window or a real share."""
    if workflow == "sliding-window":
        return draw(st.integers(1, 4))
    if not vary:
        return None
    choices = {
        "accumulate-subsample": st.integers(2, 12),
        "keep-real": rationals.map(lambda r: r / 3),
    }
    return draw(st.none() | choices[workflow]) if workflow in choices else None


@st.composite
def sizes(draw, domain, dim):
    """Draw the batch sizes of a loop."""
    low, high = domain.sizes(dim)
    generations = draw(st.integers(1, min(domain.generations, domain.rows // low)))
    size = st.integers(low, min(high, domain.rows // generations))
    drawn = [draw(size)] * generations
    if not domain.constant:
        drawn = draw(st.lists(size, min_size=generations, max_size=generations))
    return tuple(drawn)


@st.composite
def gaussian_loops(draw, domain):
    """Draw a Gaussian loop of a domain."""
    dim = draw(st.sampled_from(domain.dims))
    workflow = draw(st.sampled_from(domain.workflows))
    return gaussian_loop.Loop(
        workflow,
        draw(sizes(domain, dim)),
        draw(st.sampled_from(domain.ddofs)),
        draw(rationals) if domain.tempered and draw(st.booleans()) else Rational(1),
        draw(options(workflow, vary=domain.options)),
        dim,
        draw(truths(domain.truths, dim)),
    )


@st.composite
def rules(draw, kinds, generations):
    """Draw a bandwidth."""
    kind = draw(st.sampled_from(kinds))
    if kind == "list":
        return tuple(draw(st.lists(rationals, min_size=generations, max_size=generations)))
    if kind in {"named", "scaled"}:
        name = draw(st.sampled_from(["scott", "silverman"]))
        return name if kind == "named" else f"scipy-{name}"
    scale = draw(rationals)
    if kind == "constant":
        return scale
    logarithms = draw(st.integers(-2, 2)) if kind == "logarithmic" else 0
    return kde_loop.Power(scale, draw(rationals), Rational(logarithms, 2))


@st.composite
def kde_loops(draw, domain):
    """Draw a loop of kernel density estimates."""
    dim = draw(st.sampled_from(domain.dims))
    workflow = draw(st.sampled_from(domain.workflows))
    batches = draw(sizes(domain, dim))
    scored = domain.scored and draw(st.booleans())
    return kde_loop.Loop(
        workflow,
        batches,
        draw(rules(domain.rules, len(batches))),
        draw(st.sampled_from(domain.kernels)),
        draw(options(workflow, vary=domain.options)),
        draw(densities(domain.truths, dim)),
        draw(rules(domain.rules, len(batches))) if scored else None,
    )


def loops(domain):
    """Draw a loop of a domain."""
    kernel = isinstance(domain, kde_loop.KdeDomain)
    return kde_loops(domain) if kernel else gaussian_loops(domain)


by_slug = pytest.mark.parametrize("derivation", DERIVATIONS, ids=lambda d: d.slug)


@by_slug
@QUICK
@given(data=st.data())
def test_prediction_equals_derivation(derivation, data):
    """The shipped double is the exact value, at random rational parameters."""
    loop = data.draw(loops(derivation.domain))

    assert agree(shipped(derivation, loop), derivation.values(loop))


@by_slug
@settings(QUICK, max_examples=2)
@given(data=st.data())
def test_comparison_sees_two_percent(derivation, data):
    """A prediction that is off by 2% fails the same comparison."""
    loop = data.draw(loops(derivation.domain))
    exact = derivation.values(loop)
    values = np.array([number(value) for value in exact])
    assume(np.any(np.isfinite(values) & (np.abs(values) > ABSOLUTE)))

    assert not agree(1.02 * np.asarray(shipped(derivation, loop)), exact)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda p: p.slug)
def test_proof_holds(proof):
    """Every residual of a symbolic identity simplifies to zero."""
    residuals = [sympy.simplify(residual) for residual in proof.residuals()]

    assert residuals == [0] * len(residuals)
    assert residuals
