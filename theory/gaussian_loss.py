"""The test loss under replace: mean in any dimension, variance in one."""

from sympy import Expr, Integer, Rational, Symbol, diff, log, oo, pi

from theory.gaussian_logs import (
    CHI_SQUARE_POWER,
    K,
    S,
    generations,
    log_determinant,
    log_determinant_variance,
    mixed,
    power,
    steps,
)
from theory.gaussian_loop import Loop, Truth


def test_log_loss(loop: Loop) -> list[Expr]:
    """Return E of -log N(x; m_t, S_t) at a fresh real row x, any dimension.

    With x = mu_0 + S_0^{1/2} z the quadratic form has the mean tr S_t^{-1} S_0 + m' S_t^{-1} m.
    Given the past, S_t^{-1} = S_{t-1}^{-1/2} (scale W)^{-1} S_{t-1}^{-1/2}, and E W^{-1} is
    isotropic: its last diagonal entry is one over the square of the last Gram-Schmidt residual,
    a chi-square with n_t - d degrees of freedom. The mean is infinite iff n_t <= d + 2.
    """
    d, truth = loop.dim, loop.truth or Truth.standard(loop.dim)
    logs = [value + log(truth.determinant()) for value in log_determinant(loop)]
    spread, shift, losses = Integer(d), Integer(0), []
    for (n, heat, scale), logdet in zip(steps(loop), logs, strict=True):
        inverse = power(n - d, Integer(-1)) / scale
        spread, shift = inverse * spread, inverse * (shift + heat * Rational(d, n))
        losses.append((d * log(2 * pi) + logdet + spread + shift) / 2)
    return losses


def test_log_loss_variance(loop: Loop) -> list[Expr]:
    """Return the variance of the same in one dimension, over replicates of (m_t, v_t).

    The loss is (log 2 pi + log v + u) / 2 with u = (1 + m^2) / v, up to the truth's scale. The
    cross moment E u log v follows from E v^h and E m^2 v^h, differentiated at h = -1.
    """
    h = Symbol("h")
    values = []
    for t in generations(loop):
        if min(loop.sizes[:t]) <= 5:  # E 1/X^2 needs more than 4 degrees of freedom
            values.append(oo)
            continue
        u = mixed(loop, t, 0, Integer(-1)) + mixed(loop, t, 2, Integer(-1))
        square = sum(c * mixed(loop, t, a, Integer(-2)) for a, c in ((0, 1), (2, 2), (4, 1)))
        mean, spread = _log_variance(loop, t)
        generator = _tilted(loop, t, 0, h) + _tilted(loop, t, 2, h)
        cross = diff(generator, h).subs(h, -1)
        values.append((spread + square - u**2 + 2 * (cross - u * mean)) / 4)
    return values


def _log_variance(loop: Loop, t: int) -> tuple[Expr, Expr]:
    one = Loop(loop.workflow, loop.sizes[:t], loop.ddof, loop.temperature)
    return log_determinant(one)[-1], log_determinant_variance(one)[-1]


def _tilted(loop: Loop, t: int, a: int, h: Expr) -> Expr:
    """Return E m_t^a v_t^h with the symbol h, for a = 0 or 2."""
    if t == 0:
        return Integer(int(a == 0))
    n, heat, scale = list(steps(loop))[t - 1]
    before = _tilted(loop, t - 1, a, h)
    if a == 2:
        before += heat / n * _tilted(loop, t - 1, 0, h + 1)
    return scale**h * CHI_SQUARE_POWER.subs({K: n - 1, S: h}) * before
