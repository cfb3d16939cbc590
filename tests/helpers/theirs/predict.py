"""What is known: each fit is the largest of n rows, a share of the last that is Beta(n, 1)."""

import numpy as np

from modelcollapse import Experiment, Prediction
from modelcollapse.loop.experiment import Lazy
from modelcollapse.loop.fate import Fate


def predict(e: Experiment) -> Prediction:
    """Return E theta_t = theta (n/(n+1))^t, and its variance."""
    n, theta = e.sizes.astype(float), e.truth
    mean, square = np.cumprod(n / (n + 1)), np.cumprod(n / (n + 2))
    gone = Fate("clumps", "", "each generation loses the share 1/(n + 1)")
    return Prediction(
        e,
        Lazy({"upper": lambda: theta * mean}),
        Lazy({"upper": lambda: theta**2 * (square - mean**2)}),
        limits=Lazy({"upper": lambda: 0.0}),
        fates=Lazy({"upper": lambda: gone}),
    )
