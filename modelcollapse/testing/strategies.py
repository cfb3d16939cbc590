"""Hypothesis strategies: experiments and all that they are made of, well-formed as they are drawn.

`experiments` draws whole loops, of any family; `models`, `workflows`, `schedules`, `truths`,
`bandwidths` and `tables` their parts. `own` and `contradictory` draw workflows of one's own, that
agree with themselves or not. All shrink to what is simple: a standard normal, replaced, a few rows.
What cannot be drawn is refused by the call of a strategy, not by the test that draws from it.

Importing this module registers the classes with Hypothesis, so that ``st.from_type(mc.Experiment)``
and functions annotated with `mc.Normal` or `Workflow` need no strategy. It needs Hypothesis.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, whole
from modelcollapse._support.checks import sizes as checked_sizes
from modelcollapse._support.errors import invalid, missing
from modelcollapse.families import curated, exponential
from modelcollapse.families.discrete import Discrete
from modelcollapse.families.exponential.estimator import Family
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.kde import KDE, PowerBandwidth
from modelcollapse.families.kde.bandwidth import RULES
from modelcollapse.families.markov import Markov
from modelcollapse.families.regression import LinearRegression
from modelcollapse.loop.experiment import Experiment
from modelcollapse.loop.model import Model
from modelcollapse.loop.sampling import Tempered
from modelcollapse.loop.truth import Normal, NormalMixture, Rows
from modelcollapse.workflows import (
    BY_NAME,
    Accumulate,
    AccumulateSubsample,
    AnyWorkflow,
    Edit,
    FreshData,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
    Weighted,
    Workflow,
    sources,
)
from modelcollapse.workflows.selection import sets_sizes

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise missing("hypothesis", "pytest", "modelcollapse.testing.strategies") from error

METHODS = ("training_rows", "batch_weights", "memory")
OTHERS = ("real_rows", "batch_sizes", "source_weights", "source_memory", "keep")
GENERATIONS = 10
MOST = 12  # rows of a batch or a table
WEIGHTING = 5  # of the workflows, the first
SHARES = st.floats(0.01, 0.99)
POSITIVE = st.floats(0.25, 4)
COORDINATES = st.floats(-3, 3)
POWERS = st.builds(PowerBandwidth, st.floats(0.1, 3), st.floats(-1, 1), st.floats(-1, 1))
TEMPERED = st.builds(Tempered, st.floats(0.5, 2))


@dataclass(frozen=True)
class Line:
    """Batches that grow by as many rows each time: first + step (t - 1)."""

    first: int
    step: int

    def __call__(self, t: int) -> int:
        """Return the size of batch t."""
        return self.first + self.step * (t - 1)


def sizes(
    least: int = 1, generations: int = GENERATIONS, most: int = MOST
) -> st.SearchStrategy[list[int]]:
    """Draw batch sizes n_1, ..., n_T, each from `least` to `most`, T from 1 to `generations`."""
    _range(least, most, generations)
    return st.lists(st.integers(least, most), min_size=1, max_size=generations)


def schedules(
    least: int = 1, generations: int = GENERATIONS, most: int = MOST
) -> st.SearchStrategy[int | list[int] | Line]:
    """Draw the `samples` of a loop of so many generations: a number, a list or a function."""
    _range(least, most, generations)
    number = st.integers(least, most)
    lines = number.flatmap(
        lambda n: st.builds(Line, st.just(n), st.integers(0, (most - n) // max(1, generations - 1)))
    )
    return number | st.lists(number, min_size=generations, max_size=generations) | lines


def weighting(generations: int = GENERATIONS) -> st.SearchStrategy[Workflow]:
    """Draw a built-in workflow that weights the batches, for up to so many generations."""
    return st.one_of(*list(_workflows(generations).values())[:WEIGHTING])


def weighted(generations: int = GENERATIONS) -> st.SearchStrategy[Weighted]:
    """Draw a matrix of weights of so many generations; some are zero."""
    whole("generations", generations)
    return _matrices(generations).map(Weighted)


def workflows(generations: int = GENERATIONS, least: int = 1) -> st.SearchStrategy[AnyWorkflow]:
    """Draw any built-in workflow, for up to so many generations; a budget is at least `least`."""
    return st.one_of(*_workflows(generations, least).values())


def _workflows(generations: int, least: int = 1) -> dict[str, st.SearchStrategy[Any]]:
    """Return how each workflow is drawn, the simplest first; WEIGHTING of them weight batches."""
    _range(least, MOST, generations)
    few = st.integers(1, 9)
    return {
        "replace": st.builds(Replace),
        "accumulate": st.builds(Accumulate),
        "sliding-window": st.builds(SlidingWindow, st.integers(1, generations + 1)),
        "keep-real": st.builds(KeepReal, st.none() | SHARES),
        "weighted": weighted(generations),
        "accumulate-subsample": st.builds(
            AccumulateSubsample, st.none() | st.integers(least, MOST)
        ),
        "fresh-data": st.builds(FreshData, few, few, st.none() | SHARES),
        "web": st.builds(Web, few, few),
        # One row, so that any data set has so many.
        "edit": st.builds(Edit, share=SHARES) | st.builds(Edit, rows=st.just(1)),
    }


def tables(
    dim: int = 2, least: int = 2, most: int = MOST, *, frames: bool = True
) -> st.SearchStrategy[Any]:
    """Draw rows of numbers, as an array or, where they are installed, a frame of pandas or polars.

    The numbers are quarters, up to 8 in size, so that ties and constant columns are common.

    Parameters
    ----------
    dim
        The number of columns.
    least, most
        The numbers of rows.
    frames
        Whether to draw frames too, and not arrays alone.
    """
    whole("dim", dim)
    _range(least, most)
    row = st.tuples(*[st.integers(-32, 32)] * dim)
    arrays = st.lists(row, min_size=least, max_size=most).map(lambda drawn: np.array(drawn) / 4)
    kinds = [name for name in ("pandas", "polars") if importlib.util.find_spec(name)]
    return st.one_of(arrays, *(_frames(arrays, kind) for kind in kinds if frames))


def _frames(arrays: st.SearchStrategy[Floats], name: str) -> st.SearchStrategy[Any]:
    # Here, not while the first example is drawn: Hypothesis fails a test whose data come slowly.
    library = importlib.import_module(name)

    def framed(array: Floats) -> Any:
        return library.DataFrame({f"x{i}": column for i, column in enumerate(array.T, 1)})

    return arrays.map(framed)


def normals(dim: int = 1) -> st.SearchStrategy[Normal]:
    """Draw a normal distribution."""
    return st.builds(Normal, _vectors(dim), _covariances(dim))


def mixtures(dim: int = 1, most: int = 3) -> st.SearchStrategy[NormalMixture]:
    """Draw a mixture of one to `most` normal distributions."""
    _range(1, most)
    part = st.tuples(st.floats(0.01, 1), _vectors(dim), _covariances(dim))
    parts = st.lists(part, min_size=1, max_size=most)
    return parts.map(lambda drawn: NormalMixture(*map(np.array, zip(*drawn, strict=True))))


def data(dim: int = 1, most: int = MOST) -> st.SearchStrategy[Rows]:
    """Draw the distribution of some rows, of which not all are equal."""
    _range(2, most)
    different = tables(dim, 2, most).filter(lambda table: np.ptp(np.asarray(table), axis=0).any())
    return different.map(Rows)


def truths(model: Any) -> st.SearchStrategy[Any]:
    """Draw a truth that a model takes; None, its standard one, is the simplest."""
    if isinstance(model, type) or not hasattr(model, "as_truth"):
        raise invalid("model", model, "give a model such as Gaussian()")
    other: st.SearchStrategy[Any] = st.nothing()  # another package's model has a standard one
    if isinstance(model, Gaussian | KDE):
        other = _once(_distributions, model.dim or 1)  # None takes what there is
    elif isinstance(model, Discrete):
        shares = st.lists(st.floats(0.01, 1), min_size=model.outcomes, max_size=model.outcomes)
        other = shares.map(lambda p: np.array(p) / sum(p))
    elif isinstance(model, Markov):
        other = _languages(model)
    elif isinstance(model, LinearRegression):
        other = _vectors(model.dim or 1)
    elif isinstance(model, Family):
        low, high = max(model.range[0], -4.0), min(model.range[1], 4.0)
        other = st.floats(low + (high - low) / 8, high - (high - low) / 8)
    elif isinstance(model, curated.LabelVerifier):
        other = st.floats(0, 1)
    elif isinstance(model, curated.RegionVerifier):
        other = COORDINATES
    return st.none() | other


def _languages(model: Markov) -> st.SearchStrategy[Any]:
    """Draw a table of probabilities, all of them positive but the end's at the start."""
    shape = model.as_truth(None).probabilities.shape
    count = shape[0] * shape[1]
    drawn = st.lists(st.floats(0.01, 1), min_size=count, max_size=count)

    def divided(values: list[float]) -> Floats:
        table = np.array(values).reshape(shape)
        table[0, -1] = 0.0
        return np.asarray(table / table.sum(axis=1, keepdims=True))

    return drawn.map(divided)


def _distributions(dim: int) -> st.SearchStrategy[Any]:
    return normals(dim) | mixtures(dim) | data(dim)


def bandwidths(generations: int = GENERATIONS) -> st.SearchStrategy[Any]:
    """Draw a bandwidth of any kind: a number, a rule, a power of t, or one for each generation."""
    whole("generations", generations)
    return st.one_of(
        st.floats(0, 3),
        st.sampled_from(RULES),
        POWERS,
        st.lists(st.floats(0, 3), min_size=generations, max_size=generations + 2),
    )


def models(generations: int = GENERATIONS) -> st.SearchStrategy[Any]:
    """Draw a model of any family, unfitted, whose schedules have so many generations."""
    # Hypothesis takes what needs the fewest choices for the simplest.
    return st.one_of(st.builds(Gaussian), *_models(generations).values())


def _models(generations: int) -> dict[type, st.SearchStrategy[Any]]:
    """Return how each class of models is drawn, the simplest first."""
    widths, dims = bandwidths(generations), st.none() | st.integers(1, 3)
    kernels = st.sampled_from(("gaussian", "tophat", "epanechnikov"))
    noise, designs = st.floats(0, 4), st.sampled_from(("fixed", "fresh", "paired"))
    options: dict[Any, tuple[st.SearchStrategy[Any], ...]] = {
        Gaussian: (dims, st.integers(0, 1)),
        KDE: (widths, kernels, dims, st.none() | widths),
        exponential.NormalMean: (POSITIVE,),
        exponential.Poisson: (),
        exponential.Binomial: (st.integers(1, 9),),
        exponential.Gamma: (POSITIVE,),
        exponential.NegativeBinomial: (POSITIVE,),
        exponential.HyperbolicSecant: (POSITIVE,),
        Discrete: (st.integers(2, 30), st.just(0.0) | POSITIVE),
        LinearRegression: (dims, noise, st.floats(0, 4), designs),
        Markov: (st.integers(1, 4), st.integers(1, 2), st.floats(0.01, 4) | st.just(0.0)),
        curated.RegionVerifier: (COORDINATES, POSITIVE, POSITIVE),
        curated.LabelVerifier: (*[st.floats(0, 1)] * 3, st.integers(1, 3)),
    }
    return {kind: st.builds(kind, *drawn) for kind, drawn in options.items()}


def experiments(
    generations: int = GENERATIONS,
    most: int = MOST,
    *,
    model: st.SearchStrategy[Any] | None = None,
    workflow: st.SearchStrategy[Any] | None = None,
) -> st.SearchStrategy[Experiment[Any]]:
    """Draw a loop of any family that is well-formed.

    Parameters
    ----------
    generations
        The largest number of generations.
    most
        The most rows of a batch, where the workflow does not set its size itself: at least 2.
    model, workflow
        Strategies to draw these from, instead of from all that there are: then they have to fit
        together, and schedules of bandwidths have at least `generations` numbers.
    """
    _range(2, most, generations)
    for name, given in (("model", model), ("workflow", workflow)):
        if given is not None and not isinstance(given, st.SearchStrategy):
            raise invalid(name, given, "give a strategy of Hypothesis, such as st.just(...)")
    return _experiments(generations, most, model, workflow)


@st.composite
def _experiments(
    draw: st.DrawFn,
    generations: int,
    most: int,
    chosen: st.SearchStrategy[Any] | None,
    workflow: st.SearchStrategy[Any] | None,
) -> Experiment[Any]:
    T = draw(st.integers(1, generations))
    model = draw(_once(models, T) if chosen is None else chosen)
    least = 2 if isinstance(model, Gaussian | KDE) else 1  # rows that have a covariance
    design = model.design if isinstance(model, LinearRegression) else ""
    fixed = design == "fixed"
    if workflow is None:
        workflow = _once(workflows, T, least)
        if isinstance(model, curated.LabelVerifier):
            workflow = st.builds(Replace)
        elif isinstance(model, curated.RegionVerifier):
            workflow = _once(weighting, T)
        elif fixed:
            workflow = workflow.filter(lambda w: not sets_sizes(w) or getattr(w, "share", None))
        if design in ("fixed", "paired"):  # real and sampled labels would have to be as many
            workflow = workflow.filter(lambda w: not sources.is_refreshing(w))
    how = draw(workflow)
    one = fixed or sets_sizes(how)
    samples = draw(st.integers(least, most) if one else _once(schedules, least, T, most))
    truth = draw(truths(model))
    # Drawn of every model: what needs fewer choices would be the simpler one.
    tempered = draw(st.none() | TEMPERED)
    sampling = None if getattr(model, "no_temperature", "") else tempered
    given = {"samples": samples, "generations": T, "truth": truth, "sampling": sampling}
    # Built by Hypothesis, which then shows the call that makes it.
    parts = {name: st.just(value) for name, value in given.items() if value is not None}
    return draw(st.builds(Experiment, st.just(model), st.just(how), **parts))


def own(generations: int = GENERATIONS) -> st.SearchStrategy[tuple[Workflow, Workflow]]:
    """Draw a workflow of one's own, and the built-in one that does the same.

    Its class extends a drawn built-in class, or none, and overrides all that it has to; its
    methods agree.
    """
    whole("generations", generations)
    return _own(generations)


@st.composite
def _own(draw: st.DrawFn, generations: int) -> tuple[Workflow, Workflow]:
    source = draw(weighting(generations))
    parent = draw(st.none() | workflows(generations))
    kept = [name for name in METHODS if hasattr(source, name)]
    if draw(st.booleans()) and "memory" in kept:
        kept.remove("memory")
    return _extended(parent, {name: _method(source, name) for name in kept}), source


def contradictory(sizes: list[int]) -> st.SearchStrategy[tuple[Workflow, int]]:
    """Draw a workflow of one's own that contradicts itself, and where it does so first.

    At that generation, of a loop with these sizes, its rows are weighted otherwise than
    ``batch_weights`` says: one row is left out or weighs more, or chance has a say.
    """
    if not len(sizes) or sum(checked_sizes(sizes, len(sizes)).tolist()) == 1:
        raise invalid("sizes", sizes, "give two rows or more: a single one has no other weight")
    return _contradictory(sizes)


@st.composite
def _contradictory(draw: st.DrawFn, sizes: list[int]) -> tuple[Workflow, int]:
    mine, source = draw(own(len(sizes)))
    several = [t for t in range(1, len(sizes) + 1) if sum(sizes[:t]) > 1]
    where = draw(st.sampled_from(several))
    how = draw(st.sampled_from(("fewer", "heavier", "random")))

    def training_rows(_: Any, sizes: list[int], rng: np.random.Generator) -> Any:
        chosen: Any = source.training_rows(sizes, rng)
        if len(sizes) != where:
            return chosen
        rows, weights = chosen if isinstance(chosen, tuple) else (chosen, np.ones(len(chosen)))
        weights = np.bincount(rows, weights, sum(sizes))
        if how == "random":
            return np.arange(sum(sizes)), rng.random(sum(sizes))
        weights[int(np.argmax(weights))] *= 0.0 if how == "fewer" and (weights > 0).sum() > 1 else 2
        if (weights > 0).sum() == 1:  # a single row weighs the same, whatever its weight
            weights = weights + weights.max()
        return np.arange(sum(sizes)), weights

    setattr(type(mine), "training_rows", training_rows)  # noqa: B010 - of a class made here
    return mine, where


@cache
def _once(make: Callable[..., st.SearchStrategy[Any]], *arguments: int) -> st.SearchStrategy[Any]:
    """Return a strategy that is made once: to make and check it takes longer than to draw."""
    return make(*arguments)


def _range(least: int, most: int, generations: int = 1) -> None:
    """Raise InvalidInput if there is nothing to draw."""
    whole("generations", generations)
    if whole("most", most) < whole("least", least):
        raise invalid("least, most", (least, most), "give a range with least <= most")


def _vectors(dim: int) -> st.SearchStrategy[list[float]]:
    whole("dim", dim)
    return st.lists(COORDINATES, min_size=dim, max_size=dim)


def _covariances(dim: int) -> st.SearchStrategy[Floats]:
    """Draw a positive definite matrix: variances, and one direction in which there is more."""
    variances = st.lists(POSITIVE, min_size=dim, max_size=dim)
    leaning = st.lists(st.floats(-1, 1), min_size=dim, max_size=dim)
    return st.builds(lambda v, u: np.diag(v) + np.outer(u, u), variances, leaning)


def _matrices(generations: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw rows of weights; some are zero."""
    row: Callable[[int], Any] = lambda t: st.lists(  # noqa: E731
        st.sampled_from((0.0, 1.0, 2.0, 5.0)), min_size=t, max_size=t
    ).map(lambda drawn: [w / sum(drawn) for w in drawn] if any(drawn) else [1.0] + [0.0] * (t - 1))
    return st.tuples(*(row(t) for t in range(1, generations + 1))).map(list)


def _method(source: Workflow, name: str) -> Callable[..., Any]:
    return lambda _, *arguments: getattr(source, name)(*arguments)


def _extended(parent: AnyWorkflow | None, methods: dict[str, Any]) -> Workflow:
    """Return an object of a new class that extends the parent's; other methods are removed."""
    if parent is None:
        made: Workflow = type("Own", (), methods)()
        return made
    removed = {name: None for name in (*METHODS, *OTHERS) if hasattr(parent, name)}
    kind = type(f"Own{type(parent).__name__}", (type(parent),), removed | methods)
    fields = {name: getattr(parent, name) for name in parent.__dataclass_fields__}  # type: ignore[union-attr]
    built: Workflow = kind(**fields)
    return built


def _register() -> None:
    """Tell Hypothesis how the public classes are drawn."""
    drawn: dict[Any, st.SearchStrategy[Any]] = {
        Workflow: workflows(),
        Model: models(),
        Experiment: experiments(),
        Normal: normals(),
        NormalMixture: mixtures(),
        Rows: data(),
        Tempered: TEMPERED,
        PowerBandwidth: POWERS,
        **{BY_NAME[name]: how for name, how in _workflows(GENERATIONS).items()},
        **_models(GENERATIONS),
    }
    for kind, how in drawn.items():
        st.register_type_strategy(kind, how)


_register()
