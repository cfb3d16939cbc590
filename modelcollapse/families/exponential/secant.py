r"""Exact draws from the generalised hyperbolic secant law, for any size and tilt.

With size R > 0 and tilt theta in (-pi/2, pi/2) the density is

    f(x) = cos(theta)^R 2^(R-2) / (pi Gamma(R)) exp(theta x) |Gamma((R + ix)/2)|^2,

its cumulant generating function R log(cos(theta) / cos(theta + s)), its mean R tan(theta). The
tilt is given by its tangent. Three exact routes:

sum     a whole R: the sum of R logarithms log(G_a / G_b) / pi of independent gamma variables
        with a, b = 1/2 +- theta/pi, since Gamma(a + s) Gamma(b - s) = pi / cos(theta + pi s).
hat     R >= 1: the density is log-concave: -(log f)'' = Re psi'((R + ix)/2) / 2 is the cosine
        transform of a product of two positive definite functions, t / (2 sinh(t/2)) and
        exp(-(R - 1)|t|/2). So the least of three tangents of log f bounds it; reject.
core    R < 1: |Gamma(s + iy)| is log-convex in s >= 1/2, for the same reason, so that
        |Gamma((R + 2 + ix)/2)|^2 is at most the geometric mean, with weights 1 - R and R, of
        its values at R = 0 and 1, which are elementary. It gives C / (R^2 + x^2) for |x| <= 1
        and C |x|^(R-1) exp(-l |x|) beyond, with l = pi/2 -+ theta; reject.
"""

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats

Complexes = npt.NDArray[np.complex128]
LARGEST_SUM = 12  # terms that cost less than a rejection
STIRLING = 24.0  # from this size on its seven terms are exact to rounding
# Stirling's: log Gamma(z) = (z - 1/2) log z - z + log(2 pi)/2 + sum_k SERIES[k] / z^(2k+1).
SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def log_density(x: Floats, size: float, tangent: float) -> Floats:
    """Return log f at x, shape (k,)."""
    from scipy.special import gammaln, loggamma

    constant = (size - 2) * np.log(2) - np.log(np.pi) - gammaln(size)
    tilt = np.arctan(tangent)
    cosine = -0.5 * size * np.log1p(tangent**2)
    gammas = 2 * loggamma((size + 1j * np.asarray(x)) / 2).real
    return np.asarray(constant + cosine + tilt * x + gammas)


def draw(rng: np.random.Generator, size: float, tangent: Floats) -> Floats:
    """Draw one variable of the size for each tangent of a tilt; the same shape."""
    flat = np.ravel(tangent)
    if size == int(size) and size <= LARGEST_SUM:
        drawn = _sums(rng, int(size), flat)
    else:
        drawn = _rejected(rng, Hat(size, flat) if size >= 1 else Core(size, flat))
    return drawn.reshape(np.shape(tangent))


def _sums(rng: np.random.Generator, size: int, tangent: Floats) -> Floats:
    """Add logarithms of gamma ratios; log G_b = log G_(b+1) - E/b does not underflow."""
    up, down = (np.arctan2(1.0, side) / np.pi for side in (-tangent, tangent))
    shape = (size, len(tangent))
    logs = np.log(rng.standard_gamma(up + 1, shape) / rng.standard_gamma(down + 1, shape))
    logs -= rng.standard_exponential(shape) / up
    logs += rng.standard_exponential(shape) / down
    return np.asarray(logs.sum(axis=0) / np.pi)


def _rejected(rng: np.random.Generator, hat: "Hat | Core") -> Floats:
    """Propose until every entry is accepted."""
    drawn = np.empty(hat.count)
    left = np.arange(hat.count)
    while left.size:
        x, log_ratio = hat.propose(rng, left)
        accepted = np.log1p(-rng.random(left.size)) <= log_ratio
        drawn[left[accepted]] = x[accepted]
        left = left[~accepted]
    return drawn


def log_gamma_gap(z: Complexes, step: Floats) -> Floats:
    """Return 2 Re [log Gamma(z + i step) - log Gamma(z)], without cancellation for large z."""
    if z.real.min() < STIRLING / 2:
        from scipy.special import loggamma

        return np.asarray(2 * (loggamma(z + 1j * step).real - loggamma(z).real))
    ratio = 1j * step / z
    # The real part of log(1 + ratio) by log1p: it is small where the step is.
    length = 0.5 * np.log1p(2 * ratio.real + ratio.real**2 + ratio.imag**2)
    angle = np.arctan2(ratio.imag, 1 + ratio.real)
    end = z + 1j * step
    gap = (end.real - 0.5) * length - end.imag * angle - step * np.angle(z)
    return np.asarray(2 * (gap + _series(end).real - _series(z).real))


def _series(z: Complexes) -> Complexes:
    inverse, total = 1 / z, np.zeros_like(z)
    square = inverse * inverse
    for coefficient in reversed(SERIES):
        total = total * square + coefficient
    return np.asarray(total * inverse)


def angle_of_digamma(z: Complexes) -> Floats:
    """Return Im psi(z)."""
    if z.real.min() < STIRLING / 2:
        from scipy.special import digamma

        return np.asarray(digamma(z).imag)
    inverse = 1 / z
    square, total = inverse * inverse, np.zeros_like(z)
    for k in range(len(SERIES), 0, -1):
        total = (total - (2 * k - 1) * SERIES[k - 1]) * square
    return np.asarray(np.angle(z) + (total - inverse / 2).imag)


def _not_zero(x: Floats) -> Floats:
    """Return x with 0 replaced by a number so small that expm1(x) / x is 1."""
    return np.where(x == 0, 1e-300, x)


class Hat:
    """The least of three tangents of a log-concave log f, at c and on both sides of it."""

    def __init__(self, size: float, tangent: Floats) -> None:
        self.count, self.tilt = len(tangent), np.arctan(tangent)
        # psi(z) is close to log(z - 1/2), which puts the mode here; any centre is valid.
        self.centre = (size - 1) * tangent
        self.z: Complexes = np.asarray((size + 1j * self.centre) / 2, dtype=np.complex128)
        spread = np.sqrt(2 * size * (1 + tangent**2))
        left, right = -spread, spread.copy()
        while np.any(wrong := self.slope(left) <= 0):
            left[wrong] *= 2
        while np.any(wrong := self.slope(right) >= 0):
            right[wrong] *= 2
        a, b, c = self.slope(left), self.slope(np.zeros(self.count)), self.slope(right)
        above_left = self.log_ratio(left, self.z, self.tilt) - a * left
        above_right = self.log_ratio(right, self.z, self.tilt) - c * right
        self.slopes = a, b, c
        self.ends = above_left / (b - a), above_right / (b - c)
        width = self.ends[1] - self.ends[0]
        low, high = (np.exp(b * end) for end in self.ends)
        bend = _not_zero(b * width)
        self.masses = low / a, low * width * np.expm1(bend) / bend, -high / c

    def slope(self, step: Floats) -> Floats:
        """Return the derivative of log f at centre + step."""
        return np.asarray(self.tilt - angle_of_digamma(self.z + 0.5j * step))

    @staticmethod
    def log_ratio(step: Floats, z: Complexes, tilt: Floats) -> Floats:
        """Return log f(centre + step) - log f(centre)."""
        return np.asarray(tilt * step + log_gamma_gap(z, step / 2))

    def propose(self, rng: np.random.Generator, some: npt.NDArray[np.int64]) -> tuple[Floats, ...]:
        """Return a point under the hat for each of some entries, and log(f / hat) there."""
        a, b, c = (s[some] for s in self.slopes)
        start, end = (z[some] for z in self.ends)
        masses = [m[some] for m in self.masses]
        place = rng.random(some.size) * (masses[0] + masses[1] + masses[2])
        u, noise = rng.random(some.size), rng.standard_exponential(some.size)
        width = end - start
        bend = _not_zero(b * width)
        inner = start + width * np.log1p(u * np.expm1(bend)) / bend
        step = np.where(place < masses[0], start - noise / a, inner)
        step = np.where(place >= masses[0] + masses[1], end - noise / c, step)
        line = np.where(
            step < start,
            b * start + a * (step - start),
            np.where(step > end, b * end + c * (step - end), b * step),
        )
        return self.centre[some] + step, self.log_ratio(step, self.z[some], self.tilt[some]) - line


class Core:
    """The hat for sizes below 1: a Cauchy core, and on each side a power and an exponential."""

    def __init__(self, size: float, tangent: Floats) -> None:
        self.count, self.size, self.tilt = len(tangent), size, np.arctan(tangent)
        self.bound = np.log(4) + (1 - size) * np.log1p(np.pi) + size * np.log(np.pi)
        self.rates = np.stack([np.arctan2(1.0, tangent), np.arctan2(1.0, -tangent)])
        self.turns = np.maximum(1.0, 1 / self.rates)
        core = np.full(self.count, np.arctan(1 / size) / size)
        powers = np.expm1(size * np.log(self.turns)) / size
        with np.errstate(under="ignore"):
            tails = self.turns ** (size - 1) * np.exp(-self.rates * self.turns) / self.rates
        # Right core, left core, right power, left power, right tail, left tail.
        self.masses = np.stack([core, core, *powers, *tails])

    def propose(self, rng: np.random.Generator, some: npt.NDArray[np.int64]) -> tuple[Floats, ...]:
        """Return a point under the hat for each of some entries, and log(f / hat) there."""
        from scipy.special import loggamma

        R, ends = self.size, np.cumsum(self.masses[:, some], axis=0)
        piece = (rng.random(some.size) * ends[-1] >= ends[:-1]).sum(axis=0)
        side, kind = piece % 2, piece // 2
        u, noise = rng.random(some.size), rng.standard_exponential(some.size)
        rate, turn = self.rates[side, some], self.turns[side, some]
        core = R * np.tan(u * np.arctan(1 / R))
        power = np.exp(np.log1p(u * np.expm1(R * np.log(turn))) / R)
        away = np.choose(kind, [core, power, turn + noise / rate])
        x = np.where(side == 0, away, -away)
        with np.errstate(divide="ignore"):
            beyond = (R - 1) * np.log(np.minimum(away, turn)) - np.where(kind == 2, rate * away, 0)
        hat = self.bound + np.where(kind == 0, -np.log(R**2 + away**2), beyond)
        return x, self.tilt[some] * x + 2 * loggamma((R + 1j * x) / 2).real - hat
