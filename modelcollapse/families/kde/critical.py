"""The critical bandwidth: where replace neither clumps nor spreads."""

import numpy as np

from modelcollapse._support.checks import positive, whole
from modelcollapse.families.kde.kernel import Kernel, as_kernel


def critical_bandwidth(
    samples: int, deviation: float = 1.0, *, kernel: str | Kernel = "gaussian", dim: int = 1
) -> float:
    """Return the bandwidth at which replace keeps the rows' expected central variance.

    With batches of n rows it tends to (n - 1) h^2 k, with k the kernel's variance, and starts at
    (1 - 1/n) s^2: below h = s / sqrt(n k) the rows clump, above it they spread.

    Parameters
    ----------
    samples
        Rows per batch.
    deviation
        The root of the truth's mean variance over its columns, s = sqrt(tr S_0 / d); the bandwidth
        has its unit.
    kernel, dim
        As for `KDE`.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(round(mc.kde.critical_bandwidth(samples=100), 4))
    0.1
    """
    n, s = whole("samples", samples), positive("deviation", deviation)
    variance = as_kernel(kernel).variance(whole("dim", dim))
    return float(s / np.sqrt(n * variance))
