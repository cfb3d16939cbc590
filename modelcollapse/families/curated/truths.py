"""What generation 1 of a curated loop learns from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelError:
    """Labels that are wrong with a probability."""

    error: float

    def described(self) -> float:
        """Return the probability."""
        return self.error


@dataclass(frozen=True)
class RealMean:
    """Rows of N(mean, spread^2)."""

    mean: float

    def described(self) -> float:
        """Return the mean."""
        return self.mean
