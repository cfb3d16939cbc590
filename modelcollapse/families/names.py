"""The families by name: which options each has as plain data, and what they build.

Options come from a command line, as text, or from a file, as numbers and lists. A room is imported
when its family is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelcollapse import datasets
from modelcollapse._support.errors import InvalidInput, invalid, unknown
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.kde import KDE, PowerBandwidth
from modelcollapse.loop.sampling import BY_NAME, Sampling, lowered

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Builder:
    """A family: its own options, and how the given ones become a model and a truth.

    `example` is the least that has to be said of it on the command line, and `room` the part of
    the ledger that has its theorems.
    """

    options: tuple[str, ...]
    model: Callable[[Options], Any]
    truth: Callable[[Options], Any]
    example: str = ""
    room: str = ""


def _gaussian(given: Options) -> Gaussian:
    return Gaussian(given.get("dim"), given.get("ddof", 0), given.get("floor", 0.0))


def _kde(given: Options) -> KDE:
    own = given.get("scoring_bandwidth")
    return KDE(
        parse_bandwidth("bandwidth", given.get("bandwidth")),
        given.get("kernel", "gaussian"),
        given.get("dim"),
        None if own is None else parse_bandwidth("scoring_bandwidth", own),
    )


def _data(given: Options) -> Any:
    """Return the data set, or None for the standard normal."""
    if "data" not in given:
        if given.get("standardize"):
            raise InvalidInput("standardize: there is no data; give --data too")
        return None
    return datasets.load(given["data"], standardize=given.get("standardize", False))


def _discrete(given: Options) -> Any:
    from modelcollapse.families.discrete import Discrete

    probabilities = _probabilities(given)
    if probabilities is None and "outcomes" not in given:
        raise InvalidInput(
            "outcomes is missing: give --outcomes 10, or --probabilities 0.5,0.3,0.2"
        )
    count = given.get("outcomes", None if probabilities is None else len(probabilities))
    return Discrete(count, given.get("smoothing", 0.0))


def _probabilities(given: Options) -> Any:
    """Return probabilities from "0.5,0.3,0.2" or "zipf:1.0"; None are uniform ones."""
    text = given.get("probabilities")
    if not isinstance(text, str):
        return text
    head, _, rest = text.partition(":")
    try:
        numbers = [float(part) for part in (rest if head == "zipf" else text).split(",")]
    except ValueError as error:
        raise InvalidInput(
            f"probabilities = {text!r}: give numbers that sum to 1, such as 0.5,0.3,0.2, or "
            "zipf:EXPONENT with --outcomes"
        ) from error
    if head != "zipf":
        return numbers
    if "outcomes" not in given:
        raise InvalidInput(
            f"probabilities = {text!r} needs the number of outcomes: give --outcomes"
        )
    from modelcollapse.families.discrete import zipf

    return zipf(given["outcomes"], numbers[0])


def _exponential(name: str, *options: str, example: str = "") -> Builder:
    def model(given: Options) -> Any:
        from modelcollapse.families.exponential import FAMILIES as BUILT

        return BUILT[name](**{key: given[key] for key in options if key in given})

    own = (*options, "mean")
    return Builder(own, model, lambda given: given.get("mean"), example, "exponential")


def _regression(given: Options) -> Any:
    from modelcollapse.families.regression import LinearRegression

    names = ("dim", "noise", "ridge", "design")
    return LinearRegression(**{name: given[name] for name in names if name in given})


def _markov(given: Options) -> Any:
    from modelcollapse.families.markov import Markov

    if "words" not in given:
        raise InvalidInput("words is missing: give --words 8")
    names = ("words", "order", "smoothing", "contexts")
    return Markov(**{name: given[name] for name in names if name in given})


def _curated(name: str, *options: str, truth: str, example: str) -> Builder:
    def model(given: Options) -> Any:
        from modelcollapse.families import curated

        return getattr(curated, name)(**{key: given[key] for key in options if key in given})

    own = (*options, truth)
    return Builder(own, model, lambda given: given.get(truth), example, "curated")


MOMENTS = ("dim", "data", "standardize")
SAMPLING = ("temperature", "selection", "reward")
FAMILIES: dict[str, Builder] = {
    "gaussian": Builder(
        (*MOMENTS, "ddof", "floor", *SAMPLING), _gaussian, _data, "--ddof 1", "gaussian"
    ),
    "kde": Builder(
        (*MOMENTS, "bandwidth", "kernel", "scoring_bandwidth"),
        _kde,
        _data,
        "--bandwidth 0.5",
        "kde",
    ),
    "normal-mean": _exponential("normal-mean", "variance", example="--variance 2"),
    "poisson": _exponential("poisson", example="--mean 3"),
    "binomial": _exponential("binomial", "trials", example="--trials 10"),
    "gamma": _exponential("gamma", "shape", example="--shape 1"),
    "negative-binomial": _exponential("negative-binomial", "size", example="--size 2"),
    "hyperbolic-secant": _exponential("hyperbolic-secant", "size", example="--size 2"),
    "discrete": Builder(
        ("outcomes", "probabilities", "smoothing"),
        _discrete,
        _probabilities,
        "--outcomes 10 --probabilities zipf:1",
        "discrete",
    ),
    "regression": Builder(
        ("dim", "noise", "ridge", "design"), _regression, lambda _: None, "--dim 5", "regression"
    ),
    "markov": Builder(
        ("words", "order", "smoothing", "contexts"),
        _markov,
        lambda _: None,
        "--words 8",
        "markov",
    ),
    "label-verifier": _curated(
        *("LabelVerifier", "keep_correct", "keep_wrong", "noise", "cells"),
        truth="wrong",
        example="--keep-wrong 0.3",
    ),
    "region-verifier": _curated(
        *("RegionVerifier", "centre", "radius", "spread"), truth="mean", example="--radius 1.5"
    ),
}


def register(
    name: str,
    options: tuple[str, ...],
    model: Callable[[Options], Any],
    truth: Callable[[Options], Any],
) -> None:
    """Give a family of another package a name, for sweeps.

    Parameters
    ----------
    name
        The name, such as "cauchy".
    options
        The names of its options.
    model, truth
        What builds the model (see `modelcollapse.Model`) and the truth from the options
        that are given.
    """
    if name in FAMILIES:
        raise invalid("name", name, "a family has it already: give another one")
    FAMILIES[name] = Builder(options, model, truth)


def build(family: str, given: Options) -> tuple[Any, Any]:
    """Return the model and the truth of a family; an option of another family is refused."""
    if family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    chosen = FAMILIES[family]
    for name, value in given.items():
        if name not in chosen.options:
            owners = [repr(f) for f, kind in FAMILIES.items() if name in kind.options]
            raise InvalidInput(
                f"{name} = {value!r} belongs to {', '.join(owners)}, not to {family!r}: leave it "
                "out"
            )
    return chosen.model(given), chosen.truth(given)


def sampling(given: Options) -> Sampling | None:
    """Return how rows are sampled, from "temperature", or from "selection" and "reward".

    A selection is "best-of:2", "keep-top:0.5" or "pairwise:1.0", and a reward "1,0,-2", or the
    numbers themselves.
    """
    told, heat, reward = given.get("selection"), given.get("temperature"), given.get("reward")
    if told is None:
        if reward is not None:
            raise InvalidInput(f"reward = {reward!r}: there is no selection; give --selection too")
        return lowered(None, heat)
    if heat not in (None, 1):
        raise InvalidInput(f"temperature = {heat!r} and selection = {told!r}: give one of them")
    known = {name: kind for name, kind in BY_NAME.items() if name != "tempered"}
    head, _, rest = str(told).partition(":")
    if head not in known:
        raise unknown("selection", head, known)
    try:
        number = int(rest) if head == "best-of" else float(rest)
        along = [float(part) for part in reward.split(",")] if isinstance(reward, str) else reward
    except ValueError as error:
        remedy = "give best-of:2, keep-top:0.5 or pairwise:1.0, and a reward such as 1,0,-2"
        raise InvalidInput(f"selection = {told!r}, reward = {reward!r}: {remedy}") from error
    try:
        made: Sampling | None = lowered(known[head](number, reward=along))
    except InvalidInput as error:
        raise InvalidInput(f"selection = {told!r}, reward = {reward!r}: {error}") from error
    return made


def parse_bandwidth(name: str, text: Any) -> Any:
    """Return a bandwidth from "0.5", "scott", "power:0.5,0.2" or "0.5,0.4,0.3", or as it is.

    A table holds the parameters of a `PowerBandwidth`.
    """
    if text is None:
        raise InvalidInput(f"{name} is missing: give --{name.replace('_', '-')} 0.5 or a rule")
    if isinstance(text, Mapping):
        return PowerBandwidth(**text)
    if not isinstance(text, str):
        return text
    head, _, rest = text.partition(":")
    try:
        numbers = [float(part) for part in (rest if head == "power" else text).split(",")]
    except ValueError as error:
        if head != "power":
            return text  # a rule, or a name that the model refuses
        raise InvalidInput(f"{name} = {text!r}: give power:SCALE,EXPONENT") from error
    if head == "power":
        if len(numbers) not in (2, 3):
            raise InvalidInput(f"{name} = {text!r}: give power:SCALE,EXPONENT[,LOG_EXPONENT]")
        return PowerBandwidth(*numbers)
    return numbers if "," in text else numbers[0]
