"""The expected fitted density, as a mixture over genealogies.

A row sampled from fit t descends from a real row and carries its own noise and the noises of
some earlier generations. F1, the mean characteristic function of `kde_spectrum` over phi_0, is
the generating function of what it carries: the coefficient of k_1^a k_2^b ... is a probability.
"""

from collections.abc import Sequence

import mpmath as mp
from sympy import Expr, Rational, Symbol, gamma, gammasimp

from theory.derivation import Proof
from theory.kde_loop import Loop
from theory.kde_spectrum import characteristics
from theory.kde_truth import precise, real

# Where distribution functions, densities and characteristic functions are compared.
POINTS = (Rational(-5, 2), Rational(-1, 3), Rational(0), Rational(7, 5), Rational(4))
FREQUENCIES = (Rational(0), Rational(1, 2), Rational(-2))


def genealogies(loop: Loop, t: int, *, own: bool = True) -> list[tuple[mp.mpf, mp.mpf]]:
    """Return probability and variance of the noise of a row sampled from fit t.

    Without its own noise, it is a training row of fit t.
    """
    first, _ = characteristics(loop)[t - 1]
    last = loop.score(t) ** 2 if own else mp.mpf(0)
    found = []
    for powers, probability in first.terms():
        carried = [
            power * loop.bandwidth(s) ** 2 for s, power in enumerate(powers[:-1], 1) if power
        ]
        found.append((real(probability), mp.fsum(carried) + last))
    return found


def components(loop: Loop, t: int) -> list[tuple[mp.mpf, mp.mpf, mp.mpf]]:
    """Return weight, mean less mu_0 and variance of the normal components of fit t."""
    parts = [tuple(map(real, part)) for part in loop.truth.spread]
    return [(p * w, m, v + noise) for p, noise in genealogies(loop, t) for w, m, v in parts]


def centre(loop: Loop) -> mp.mpf:
    """Return mu_0 in one dimension."""
    truth = loop.truth
    return mp.fsum(real(w) * real(m[0]) for w, m in zip(truth.weights, truth.means, strict=True))


def _law(parts: Sequence[tuple[mp.mpf, mp.mpf, mp.mpf]], mu: mp.mpf) -> list[mp.mpf]:
    """Return what `laws` promises of one mixture."""
    below = [mp.fsum(p * mp.ncdf(real(x), mu + m, mp.sqrt(v)) for p, m, v in parts) for x in POINTS]
    density = [
        mp.fsum(p * mp.npdf(real(x), mu + m, mp.sqrt(v)) for p, m, v in parts) for x in POINTS
    ]
    waves = [
        mp.fsum(
            p * mp.expj(real(w) * (mu + m)) * mp.exp(-v * real(w) ** 2 / 2) for p, m, v in parts
        )
        for w in FREQUENCIES
    ]
    mean = mp.fsum(p * m for p, m, _ in parts)
    variance = mp.fsum(p * (v + (m - mean) ** 2) for p, m, v in parts)
    moments = [mu + mean, variance]
    return [*below, *density, *[z.real for z in waves], *[z.imag for z in waves], *moments]


@precise
def laws(loop: Loop) -> list[mp.mpf]:
    """Return for each generation: cdf, density, characteristic function, mean and variance."""
    found = []
    for t in range(1, len(loop.sizes) + 1):
        found += _law(components(loop, t), centre(loop))
    return found


def depths() -> list[Expr]:
    """Accumulate, one bandwidth: E k^D = Gamma(t + k) / (Gamma(1 + k) t!), D the noises carried.

    A row of the pool is new with probability 1/(t+1) and then one deeper than its parent, which
    is a row of the pool before: E k^D gains the factor (t + k)/(t + 1). So D is a sum of
    independent Bernoulli variables, its mean gains 1/(t + 1), its variance t/(t + 1)^2.
    """
    t = Symbol("t", integer=True, positive=True)
    k = Symbol("k", positive=True)
    form = gamma(t + k) / (gamma(1 + k) * gamma(t + 1))
    factor = (t + k) / (t + 1)
    mean = factor.diff(k)
    return [
        gammasimp(form.subs(t, t + 1) / form) - factor,
        gammasimp(form.subs(t, 1)) - 1,
        t / (t + 1) + k / (t + 1) - factor,
        mean - 1 / (t + 1),
        mean * (1 - mean) - t / (t + 1) ** 2,
    ]


PROOFS = (Proof("kde-depths", "derived here", "the depth of a row under accumulate", depths),)
