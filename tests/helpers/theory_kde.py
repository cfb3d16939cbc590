"""The room of kernel density estimates, as `test_theory` walks it."""

import numpy as np
import sympy
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from tests.helpers.theory_loops import rationals, truths
from tests.helpers.theory_plans import plans, several, shared
from theory import kde
from theory.kde_density import FREQUENCIES, POINTS
from theory.kde_loop import Loop, Power
from theory.kde_truth import Truth

DERIVATIONS = kde.DERIVATIONS
PROOFS = kde.PROOFS


def bandwidth(rule):
    """Return a bandwidth of the package."""
    if isinstance(rule, Power):
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


def experiment(loop):
    """Return the package's experiment for a loop of kernel density estimates."""
    model = mc.KDE(
        bandwidth(loop.rule),
        kernel=loop.kernel,
        dim=loop.dim,
        scoring_bandwidth=bandwidth(loop.scoring),
    )
    return mc.Experiment(model, truth=density(loop.truth), **shared(loop.plan))


def law(shipped):
    """Return what `theory.kde_density.laws` lists of one law."""
    x, w = np.array(POINTS, float), np.array(FREQUENCIES, float)
    wave = shipped.characteristic_function(w)
    moments = [shipped.mean, shipped.variance]
    return np.concatenate([shipped.cdf(x), shipped.pdf(x), wave.real, wave.imag, moments])


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
    return Power(scale, draw(rationals), Rational(logarithms, 2))


@st.composite
def loops(draw, domain):
    """Draw a loop of kernel density estimates."""
    dim = draw(st.sampled_from(domain.dims))
    drawn = plans(domain, *domain.sizes(dim), domain.rows)
    plan = draw(drawn.filter(several) if "scaled" in domain.rules else drawn)
    generations = plan.generations
    scored = domain.scored and draw(st.booleans())
    return Loop(
        plan.workflow,
        plan.sizes,
        draw(rules(domain.rules, generations)),
        draw(st.sampled_from(domain.kernels)),
        plan.option,
        draw(densities(domain.truths, dim)),
        draw(rules(domain.rules, generations)) if scored else None,
    )
