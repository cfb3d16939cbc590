"""Calls of public functions, classes and methods with values of all kinds.

Each returns, or raises one of the package's own errors with a short message. Functions are found
in the public modules, and their parameters from their signatures: what is new is tried, too.
"""

import inspect
import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import modelcollapse as mc
from modelcollapse import diagnosis, sweep, testing, workflows
from tests.breaking.lines import LONGEST, SECONDS

MODULES = (
    mc,
    mc.datasets,
    mc.discrete,
    mc.evidence,
    mc.exponential,
    mc.kde,
    mc.mixed,
    mc.regression,
    mc.sample_metrics,
)
MODULES += (mc.solver, mc.curated, diagnosis, sweep, testing, workflows, mc.claims, mc.values)
LEFT_OUT = {"verify_all", "Family"}  # it takes long whatever it is given; the base of others
# What the package makes and hands out, and nobody else.
RESULTS = (mc.Diagnosis, mc.Finding, mc.Prediction, mc.Trajectories, mc.Run, mc.Runs, mc.Verdict)
RESULTS += (sweep.Cell, sweep.Outcome)
METHODS = ("fit", "sample", "score_samples", "predict", "score", "density", "set_params")
X = np.random.default_rng(0).normal(size=(9, 2))


def odd() -> list[Any]:
    """Return values that few parameters take."""
    nested: list[Any] = []
    for _ in range(3000):
        nested = [nested]
    frozen = X.copy()
    frozen.flags.writeable = False
    return [
        None, True, 0, -1, 1, 2, 3, 2.5, 10**400, -(10**30), float("nan"), float("inf"), -0.0,
        1e-320, 1e308, 1j, "", "x", "replace", "\x1b[31m", b"x", (), [], {}, set(), [[]], [1, "a"],
        [1, 2, 3], [0.2, 0.3, 0.5], {"a": 1}, nested, X, X[:, 0], X[:1], X[:0], X.T[:1], frozen,
        X.astype("f2"), X.astype(">f8"), X.astype(complex), X.astype(str), X > 0,
        np.ones((2, 2, 2)),
        np.full((3, 2), np.nan), np.array(["2020-01-01"], "M8"), np.ma.masked_less(X, 0), object(),
        np.float32(1.5), np.int8(3), np.array(2), len, lambda t: t, print, mc.Gaussian,
        mc.Gaussian(2), mc.Replace(), mc.Normal.standard(2), ..., range(3), Path("absent"), "1,2",
    ]  # fmt: skip


def good(name: str) -> list[Any]:
    """Return values that a parameter of this name may take."""
    e = mc.Experiment(mc.Gaussian(), mc.Accumulate(), 5, 3)
    models = [mc.Gaussian(), mc.Gaussian(2), mc.KDE(0.5), mc.Poisson(), mc.Discrete(4)]
    models += [mc.LinearRegression(2), mc.LabelVerifier(0.9, 0.2), mc.NormalMean()]
    known = {
        "model": models,
        "estimator": models,
        "workflow": [mc.Replace(), mc.Accumulate(), mc.FreshData(3, 4), mc.SlidingWindow(2)],
        "experiment": [e, *(mc.Experiment(m, mc.Replace(), 6, 2) for m in models[:6])],
        "e": [e],
        "data": [X, "wine", mc.Normal.standard(2), mc.Rows(X)],
        "truth": [None, X],
        "X": [X, X[:, :1]],
        "y": [None, X[:, 0]],
        "test": [None, X],
        "samples": [5, [5, 6, 7], lambda t: t + 4],
        "generations": [1, 3],
        "replicates": [1, 7],
        "workflows": [(mc.Replace(),)],
        "seed": [0, 7],
        "jobs": [1],
        "n": [3, 9],
        "cdf": [np.tanh],
        "alpha": [1e-3],
        "source": ["absent.csv", X],
    }
    return known.get(name, [])


def called(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions and classes of a module, and the methods of what they make."""
    for name in getattr(module, "__all__", dir(module)):
        found = getattr(module, name)
        if name.startswith("_") or name in LEFT_OUT or not callable(found):
            continue
        left = isinstance(found, type) and (issubclass(found, Exception) or found in RESULTS)
        abstract = getattr(found, "_is_protocol", False) or inspect.isabstract(found)
        if found.__module__.startswith("modelcollapse.") and not (left or abstract):
            yield f"{module.__name__}.{name}", found


def calls(count: int, seed: int, folder: Path) -> Iterator[str]:
    """Try calls; yield what went wrong.

    Parameters
    ----------
    count
        The number of calls.
    seed
        Of the calls.
    folder
        A new folder to work in.
    """
    folder.mkdir(parents=True)
    dice, home = random.Random(seed), Path.cwd()  # noqa: S311
    known = dict(pair for module in MODULES for pair in called(module))
    names = sorted(known)
    os.chdir(folder)
    try:
        for number in range(count):
            name = names[number % len(names)]
            made: list[Any] = []
            if problem := _problem(dice, known[name], made):
                yield f"{name}: {problem}"
            for value in made:
                yield from _methods(dice, name, value)
    finally:
        os.chdir(home)


def _methods(dice: random.Random, name: str, value: Any) -> Iterator[str]:
    """Call the methods of an estimator in an order that nobody would."""
    if not hasattr(value, "fit"):
        return
    for method in dice.choices(METHODS, k=3):
        found = getattr(value, method, None)
        if callable(found) and (problem := _problem(dice, found, [])):
            yield f"{name}(...).{method}: {problem}"


def _problem(dice: random.Random, function: Callable[..., Any], made: list[Any]) -> str:
    """Call a function once; append what it made, and return what is wrong with how it ended."""
    given = _arguments(dice, function)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    shown = f"({', '.join(f'{key}={_shown(value)}' for key, value in given.items())})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.append(function(**given))
    except mc.ModelCollapseError as error:
        said = str(error)
        if len(said) > LONGEST or not said.replace("\n", "").isprintable():
            return f"{shown}: a message of {len(said)} characters: {said[:200]!r}"
    except KeyboardInterrupt:
        return f"{shown}: it took longer than {SECONDS} s"
    except AssertionError as error:
        return "" if "testing" in function.__module__ else f"{shown}: AssertionError: {error}"[:400]
    except Exception as error:  # noqa: BLE001 - whatever comes is a defect
        return f"{shown}: {type(error).__name__}: {error}"[:400]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return ""


def _arguments(dice: random.Random, function: Callable[..., Any]) -> dict[str, Any]:
    """Return arguments for what has to be given, and for some of the rest."""
    given, strange = {}, odd()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            continue
        if parameter.default is not parameter.empty and dice.random() < 0.6:
            continue
        right = good(name)
        given[name] = dice.choice(right) if right and dice.random() < 0.7 else dice.choice(strange)
    return given


def _shown(value: Any) -> str:
    try:
        return " ".join(repr(value).split())[:60]
    except RecursionError:
        return "<deep>"
