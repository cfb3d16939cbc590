"""How the general loop drives an estimator that follows scikit-learn's convention.

Such an estimator has ``fit(X)``, ``sample(n)`` and, to be scored on a test set,
``score_samples(X)``. Its randomness comes from integers called ``random_state``, its own or an
argument (which may be called ``seed`` or ``rng``, too): every fit and every sample gets a fresh
one, because an estimator with a fixed integer may return the same rows at each call
(scikit-learn's GaussianMixture does).
"""

import copy
import inspect
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import FunctionType
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.tables import is_number
from modelcollapse.loop.batches import Batch, Form, Numbers
from modelcollapse.loop.model import unfitted
from modelcollapse.loop.sampling import Sampling, Tempered
from modelcollapse.loop.selection import Selection

SEEDS = ("random_state", "seed", "rng")
ROWS, PAIRS = 32, 4  # compared for equality, at generation 1
FLOORED = (
    "{0} adds reg_covar = {1:g} to every variance that it fits, in each generation anew: under "
    "Replace() with n rows the variance of a component settles near n * reg_covar instead of "
    "vanishing. Give reg_covar=0 to fit without it, or compare with Gaussian(floor={1:g})"
)


class FailedError(Exception):
    """The estimator failed; carries the outcome of the run as its message."""


@contextmanager
def stage(name: str, generation: int, noted: dict[str, int]) -> Iterator[None]:
    """Turn the estimator's exceptions into a failure, and count its warnings in `noted`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except (Exception, SystemExit) as error:
            message = f"{name} failed at generation {generation}: {brief(error)}"
            raise FailedError(message) from error
        finally:
            for warning in caught:
                text = f"{warning.category.__name__}: {warning.message}"
                noted[text] = noted.get(text, 0) + 1


def brief(error: BaseException) -> str:
    """Return an error's kind and message, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def check(estimator: Any, *, sampling: Sampling | None = None, scored: bool = False) -> None:
    """Raise InvalidInput if the estimator lacks a method that the loop will call."""
    if isinstance(estimator, type):
        raise InvalidInput(
            f"estimator = {estimator.__name__} is a class: give an object, {estimator.__name__}()"
        )
    wanted = ["fit", "sample", *(["score_samples"] if scored else [])]
    for name in wanted:
        if not callable(getattr(estimator, name, None)):
            remedy = "; or leave out the test set" if name == "score_samples" else ""
            raise InvalidInput(
                f"estimator = {estimator!r} has no method {name}: give one with fit(X), sample(n)"
                f" and, for a test set, score_samples(X), as in scikit-learn{remedy}"
            )
    if isinstance(sampling, Tempered) and not accepts(estimator.sample, "temperature"):
        raise InvalidInput(
            f"temperature = {sampling.temperature!r} needs an estimator with "
            f"sample(n, temperature=...), and {estimator!r} has none: leave the temperature at 1.0"
        )


def warn_of_floor(estimator: Any) -> None:
    """Say that an estimator adds to its variances in every generation, as a mixture may."""
    floor: Any = getattr(estimator, "reg_covar", None)
    if is_number(floor) and floor > 0:
        kind = type(estimator).__name__
        warnings.warn(FLOORED.format(kind, floor), UserWarning, stacklevel=3)


def check_weights(estimator: Any, generation: int) -> None:
    """Raise InvalidInput if the estimator cannot be fitted to weighted rows."""
    if not accepts(estimator.fit, "sample_weight"):
        raise InvalidInput(
            f"estimator = {estimator!r} has no fit(X, sample_weight=...), and the workflow gives "
            f"row weights at generation {generation}: use a workflow without weights, such as "
            "KeepReal() without a share, or run(..., resample_weights=True)"
        )


def accepts(function: Any, name: str) -> bool:
    """Return whether a function has a parameter of this name, or takes any keyword."""
    return name in _parameters(function) or "**" in _parameters(function)


def fresh(estimator: Any) -> Any:
    """Return an unfitted copy."""
    if type(estimator).__module__.startswith("modelcollapse.families."):
        return unfitted(estimator)  # which changes nothing of what it was given
    base = sys.modules.get("sklearn.base")  # which an estimator of scikit-learn's has imported
    if base is not None and isinstance(estimator, base.BaseEstimator):
        return base.clone(estimator)
    return copy.deepcopy(estimator)


def fit(
    estimator: Any,
    X: Batch,
    weights: Floats | None,
    rng: np.random.Generator,
    generation: int = 1,
    form: Form | None = None,
) -> Any:
    """Return a fresh copy of the estimator, fitted to (weighted) rows of a form.

    The generation is passed on to an estimator whose `fit` names it.
    """
    form = form or Numbers(X.shape[1])
    model = fresh(estimator)
    _set_random_state(model, rng)
    options: dict[str, Any] = {} if weights is None else {"sample_weight": weights.copy()}
    if "generation" in _parameters(model.fit):
        options["generation"] = generation
    options |= _seed_of(model.fit, rng)
    fitted = model.fit(form.handed(X), **options)
    return model if fitted is None else fitted


def sample(
    model: Any, n: int, form: Form, rng: np.random.Generator, sampling: Sampling | None = None
) -> Batch:
    """Return n rows drawn from a fitted model, checked: they are of the form."""
    if isinstance(sampling, Selection):
        return _selected(model, n, form, rng, sampling)
    options: dict[str, Any] = {} if sampling is None else {"temperature": sampling.temperature}
    if _parameters(model.sample).isdisjoint(SEEDS):
        _set_random_state(model, rng)
    options |= _seed_of(model.sample, rng)
    drawn = model.sample(n, **options)
    if isinstance(drawn, tuple):  # GaussianMixture returns (rows, components)
        drawn = drawn[0]
    return form.received(f"sample({n})", drawn, n)


def _selected(
    model: Any, n: int, form: Form, rng: np.random.Generator, selection: Selection
) -> Batch:
    """Return n rows drawn from a fitted model that a selection keeps."""
    reward = selection.reward

    def scored(batch: Batch) -> Floats:
        if not callable(reward):
            return form.numbers(batch) @ selection.direction(form.dim)
        found = reals("reward(rows)", reward(form.handed(batch)), "return one number per row")
        if found.shape != (len(batch),) or np.isnan(found).any():
            wanted = (len(batch),)
            raise InvalidInput(f"reward(rows) returned shape {found.shape} or NaN, wanted {wanted}")
        return found

    kept = selection.kept(
        lambda count: sample(model, count, form, rng), scored, form.taken, n, rng, model
    )
    return form.joined(kept) if isinstance(kept, list) else kept


def seeded(estimator: Any) -> bool:
    """Return whether the loop can seed an estimator: by an argument of `sample`, or inside it."""
    held = {"random_state"} if hasattr(estimator, "random_state") else set()
    if hasattr(estimator, "get_params"):
        held |= {name.split("__")[-1] for name in estimator.get_params()} & {"random_state"}
    return bool(held) or not _parameters(estimator.sample).isdisjoint(SEEDS)


def frozen(
    estimator: Any,
    model: Any,
    training: tuple[Batch, Floats | None],
    form: Form,
    rng: np.random.Generator,
    sampling: Sampling | None = None,
) -> bool:
    """Return whether an estimator samples the same rows, which differ, under every seed.

    Fresh copies of the fitted model are sampled, so that it stays as it is. Equal rows may be
    chance where few values are likely: independent draws of `ROWS` values, not all the same, are
    equal with probability at most 0.005, and `PAIRS` of such draws with at most 1e-9. A generator
    that the model keeps is the same in each copy; if a second fit brings another, all is well.

    Parameters
    ----------
    estimator, model
        The estimator, and the model that it was fitted to the training rows as.
    training
        The rows and their weights.
    form
        The form of the rows.
    rng
        Where the seeds come from.
    sampling
        How the loop samples.
    """

    def drawn(one: Any) -> Batch:
        return sample(one, ROWS, form, rng, sampling)

    def alike(one: Any, other: Any) -> bool:
        rows, others = drawn(one), drawn(other)
        first = form.taken(rows, np.zeros(ROWS, dtype=np.int64))
        return form.same(rows, others) and not form.same(rows, first)

    if not all(alike(copy.deepcopy(model), copy.deepcopy(model)) for _ in range(PAIRS)):
        return False
    once = copy.deepcopy(model)
    return alike(once, once) or alike(
        copy.deepcopy(model), fit(estimator, *training, rng, form=form)
    )


def score(model: Any, X: Batch, form: Form | None = None) -> Floats:
    """Return the log-density of each row under a fitted model, checked: one number per row."""
    form = form or Numbers(X.shape[1])
    given = model.score_samples(form.handed(X))
    scores = reals("score_samples(X)", given, "return one log-density per row")
    if scores.shape != (len(X),):
        raise InvalidInput(f"score_samples returned shape {scores.shape}, wanted {(len(X),)}")
    return scores


def _parameters(function: Any) -> set[str]:
    """Return the names of a function's parameters; "**" stands for any keyword."""
    whole = getattr(function, "__func__", function)  # of a method: one for all its objects
    return _names(whole) if isinstance(whole, FunctionType) else _names.__wrapped__(whole)


@lru_cache(maxsize=1024)
def _names(function: Any) -> set[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a compiled function need not say
        return set()
    return {"**" if p.kind is p.VAR_KEYWORD else p.name for p in parameters}


def _seed_of(function: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Return a fresh seed by the first of the names for it that a function has, or nothing."""
    for name in SEEDS:
        if name in _parameters(function):
            return {name: rng if name == "rng" else _integer(rng)}
    return {}


def _integer(rng: np.random.Generator) -> int:
    """Draw an integer that every random_state accepts."""
    return int(rng.integers(2**31 - 1))


def _set_random_state(model: Any, rng: np.random.Generator) -> None:
    """Give a fresh integer to each parameter or attribute called random_state."""
    if hasattr(model, "get_params"):
        names = [n for n in sorted(model.get_params()) if n.split("__")[-1] == "random_state"]
        model.set_params(**{name: _integer(rng) for name in names})
    elif hasattr(model, "random_state"):
        model.random_state = _integer(rng)
