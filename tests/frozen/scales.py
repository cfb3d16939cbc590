"""How near a number must be to the recorded one: a tolerance, and what it is relative to.

The tolerance is relative to the recorded number itself, except where the number is a difference,
of which rounding leaves the error of what it is a difference of:

- a variance over replicates is E x^2 - (E x)^2: relative to the square of the expectation too;
- a logarithm's error is the relative error of its argument: relative to 1 too; a sum of
  logarithms and an entropy are the same;
- a distribution and a characteristic function are between -1 and 1, and inverted from integrals
  with errors of that scale: relative to 1; a density likewise, relative to its largest value here;
- distances to the truth (W2, the integrated squared error and its parts) subtract what fit and
  truth have in common, and a label's error is 1 less a probability: relative to the largest of
  the generations;
- a family's variance is 1 + v2 r with r the squared error: relative to 1 too;
- simulated values scatter about 0, each replicate's as far as the others': relative to the
  largest of the replicates.
"""

import numpy as np

from tests.frozen.observe import SEPARATOR

PREDICTED = 1e-12  # of predictions, everywhere
ELSEWHERE = 1e-9  # of simulations on another machine than the recorded; there, else, bits
DISTANCES = ("w2_squared", "mise", "mise_bias", "mise_variance", "label_error", "density")

# Simulations that another machine's rounding changes altogether; there they are not compared.
# Seen with OpenBLAS made for another core and NumPy without its vector units.
SINGULAR = "a fit is singular but for rounding, which decides what its smallest pivot is"
ILL_CONDITIONED = {
    ("gaussian-accumulate-subsample", 39): SINGULAR,
    ("gaussian-own", 15): "the truth's covariance has a double eigenvalue, so any axes will do",
    ("gaussian-own", 16): SINGULAR,
    ("kde-replace", 49): "three rows in the plane, almost on a line, are scored in their own unit",
}


def scale(name, recorded):
    """Return what an array's tolerance is relative to, of its shape or one for all."""
    kind, *parts = name.split(SEPARATOR)
    size = np.abs(recorded[name])
    if any("log_" in part for part in parts) or "entropy" in parts[0]:
        size = np.maximum(size, 1.0)
    if parts[-1] in ("cdf", "characteristic_function"):
        return np.ones_like(size)
    if kind == "simulate":
        return size.max(axis=0, keepdims=True)
    if kind == "variances":
        expected = recorded.get(SEPARATOR.join(("expected", *parts)))
        if isinstance(expected, np.ndarray) and expected.shape == size.shape:
            with np.errstate(over="ignore"):
                return np.maximum(size, expected**2)
    if parts[0] in DISTANCES:
        return size.max(initial=0.0)
    return np.maximum(size, 1.0) if parts[0] == "variance" else size


def far(name, recorded, now, tolerance):
    """Return where an array of the same shape is not near enough; infinities must be equal."""
    old = recorded[name]
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(now - old) <= tolerance * scale(name, recorded)
    finite = np.isfinite(old) & np.isfinite(now)
    return np.where(finite, ~near, (now != old) & ~(np.isnan(old) & np.isnan(now)))
