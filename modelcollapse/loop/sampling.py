"""How a batch is sampled from a model: one thing of a loop, lowered here."""

from dataclasses import dataclass
from typing import Any

from modelcollapse._support.checks import positive
from modelcollapse._support.errors import invalid


@dataclass(frozen=True)
class Tempered:
    """Sample a density p as p^(1/temperature), normalised; 1 is plain sampling.

    For a Gaussian this multiplies the covariance of every synthetic batch by the temperature.

    Parameters
    ----------
    temperature
        A finite number above 0.

    Raises
    ------
    InvalidInput
        If it is none.
    """

    temperature: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", positive("temperature", self.temperature))

    def described(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"name": "tempered", "temperature": self.temperature}


def lowered(sampling: Any, temperature: Any = None) -> Tempered | None:
    """Return how to sample: None is plainly, whichever argument said so.

    Parameters
    ----------
    sampling
        None, or `Tempered`.
    temperature
        The short form, which comes in its place; None leaves it.

    Raises
    ------
    InvalidInput
        If one of them is wrong.
    """
    if sampling is not None and type(sampling) is not Tempered:  # what extends it may be another
        raise invalid("sampling", sampling, "give None or Tempered(temperature)")
    if temperature is not None:
        sampling = Tempered(temperature)
    return None if sampling is None or sampling.temperature == 1 else sampling


def built(told: Any) -> Tempered | None:
    """Return what `described` told of, or raise InvalidInput."""
    if told is None:
        return None
    if not isinstance(told, dict) or set(told) != {"name", "temperature"}:
        raise invalid("data['sampling']", told, "give what described() returns")
    return Tempered(told["temperature"])
