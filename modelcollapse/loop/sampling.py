"""How a batch is sampled from a model: one thing of a loop, lowered here."""

from dataclasses import dataclass
from typing import Any

from modelcollapse._support.checks import positive
from modelcollapse._support.errors import InvalidInput, invalid


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


def lowered(sampling: Any, temperature: Any) -> Tempered | None:
    """Return how to sample: None is plainly, whichever argument said so.

    Parameters
    ----------
    sampling
        None, or `Tempered`.
    temperature
        Its short form; 1 leaves it to `sampling`.

    Raises
    ------
    InvalidInput
        If one of them is wrong, or both are given and differ.
    """
    short = Tempered(temperature)
    if sampling is None:
        sampling = short
    if type(sampling) is not Tempered:  # what extends it may sample otherwise
        raise invalid("sampling", sampling, "give None or Tempered(temperature)")
    if short.temperature not in (1, sampling.temperature):
        raise InvalidInput(
            f"sampling = {sampling!r} and temperature = {short.temperature!r} differ: "
            "give one of them, and leave the other at None or at 1.0"
        )
    return None if sampling.temperature == 1 else sampling


def built(told: Any) -> Tempered | None:
    """Return what `described` told of, or raise InvalidInput."""
    if told is None:
        return None
    if not isinstance(told, dict) or set(told) != {"name", "temperature"}:
        raise invalid("data['sampling']", told, "give what described() returns")
    return Tempered(told["temperature"])
