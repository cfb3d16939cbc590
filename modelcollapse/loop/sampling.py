"""How a batch is sampled from a model: tempered or selected, and lowered here."""

from dataclasses import dataclass
from typing import Any

from modelcollapse._support.checks import positive
from modelcollapse._support.errors import invalid
from modelcollapse.loop.selection import BestOf, KeepTop, Pairwise, Selection


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

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(ddof=1), mc.Replace(), 10, 3, sampling=mc.Tempered(0.9))
    >>> print(mc.predict(loop)["variance"].round(4))
    [1.   0.9  0.81]
    """

    temperature: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", positive("temperature", self.temperature))

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return self.temperature == 1

    def described(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"name": "tempered", "temperature": self.temperature}


Sampling = Tempered | Selection
BY_NAME: dict[str, Any] = {"tempered": Tempered} | {
    kind.name: kind for kind in (BestOf, KeepTop, Pairwise)
}


def lowered(sampling: Any, temperature: Any = None) -> Sampling | None:
    """Return how to sample: None is plainly, whichever argument said so.

    Parameters
    ----------
    sampling
        None, `Tempered`, `BestOf`, `KeepTop` or `Pairwise`.
    temperature
        The short form of `Tempered`, which comes in its place; None leaves it.

    Raises
    ------
    InvalidInput
        If one of them is wrong.
    """
    # What extends one may be another.
    if sampling is not None and type(sampling) not in BY_NAME.values():
        known = "Tempered(temperature), BestOf(k), KeepTop(share) or Pairwise(preference)"
        raise invalid("sampling", sampling, f"give None, {known}")
    if temperature is not None:
        sampling = Tempered(temperature)
    return None if sampling is None or sampling.plain else sampling


def built(told: Any) -> Sampling | None:
    """Return what `described` told of, or raise InvalidInput."""
    if told is None:
        return None
    if not isinstance(told, dict) or told.get("name") not in BY_NAME:
        raise invalid("data['sampling']", told, "give what described() returns")
    options = {key: value for key, value in told.items() if key != "name"}
    for key, value in options.items():
        if isinstance(value, dict):
            remedy = "it is a function, known by its code alone: give the experiment's arguments"
            raise invalid(f"data['sampling'][{key!r}]", value, remedy)
    try:
        made: Sampling = BY_NAME[told["name"]](**options)
    except TypeError as error:
        raise invalid("data['sampling']", told, "give what described() returns") from error
    return made
