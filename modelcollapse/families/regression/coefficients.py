"""The truth of a regression: its coefficients."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, frozen, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.loop.truth import Described

LARGEST = 1e70  # the fourth power of the norm is a float


@dataclass(frozen=True, eq=False)
class Coefficients(Described):
    """The coefficients w* of the labels y = x'w* + noise.

    Parameters
    ----------
    values
        Shape (d,), finite.
    """

    values: Floats

    def __post_init__(self) -> None:
        given = reals("truth", self.values, "give one number per input")
        values = np.atleast_1d(np.array(given))
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise invalid("truth", self.values, "give one finite number per input")
        if np.abs(values).max() > LARGEST:
            raise invalid("truth", self.values, f"rescale it to entries of at most {LARGEST:g}")
        object.__setattr__(self, "values", frozen(values))

    @property
    def dim(self) -> int:
        """The number of inputs d."""
        return len(self.values)

    @property
    def square(self) -> float:
        """The squared norm |w*|^2."""
        return float(self.values @ self.values)

    def described(self) -> dict[str, Any]:
        """Return the coefficients as plain data."""
        return {"coefficients": self.values.tolist()}


def as_coefficients(value: Any, dim: int | None) -> Coefficients:
    """Return `value` as coefficients of `dim` inputs; None is the first unit vector.

    Without a number of inputs any coefficients will do, and None has one.
    """
    if value is None:
        return Coefficients(np.eye(1 if dim is None else dim)[0])
    truth = value if isinstance(value, Coefficients) else Coefficients(value)
    if dim is not None and truth.dim != dim:
        raise InvalidInput(
            f"truth has {truth.dim} coefficients and the model has dim = {dim}: make them equal"
        )
    return truth
