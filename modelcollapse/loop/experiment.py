"""Experiment, Prediction and Trajectories: what goes in, and what comes out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    Integers,
    Samples,
    horizon,
    listener,
    number,
    processes,
    whole,
)
from modelcollapse._support.errors import InvalidInput, NoClosedForm, invalid, shown, unknown
from modelcollapse._support.state import bare, state
from modelcollapse._support.words import many
from modelcollapse.loop.consistency import check
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.identity import arguments, check_same, identity
from modelcollapse.loop.model import MEMBERS, Model, R_co, unfitted
from modelcollapse.loop.sampling import Sampling, Tempered, lowered
from modelcollapse.loop.schedule import Schedule
from modelcollapse.loop.selection import Selection
from modelcollapse.workflows import AnyWorkflow, keeps
from modelcollapse.workflows.selection import batch_sizes, reason_if_kept, require_workflow

Route = Callable[[], Any]
if TYPE_CHECKING:
    from typing_extensions import TypeVar as WithDefault

    M_co = WithDefault("M_co", bound=Model[Any], default=Any, covariant=True)
    V = WithDefault("V", default=Any)

    class _Truth:
        """How a type checker sees the truth: anything is given, and the model says what it is."""

        def __get__(self, e: "Experiment[Model[R_co]]", kind: type | None = None) -> R_co: ...
        def __set__(self, e: "Experiment[Any]", value: Any) -> None: ...

else:
    M_co, V = TypeVar("M_co"), TypeVar("V")


class Lazy(Mapping[str, V]):
    """Named values that are computed at the first look; what cannot be computed says why.

    Parameters
    ----------
    routes
        The function that computes each value.
    reasons
        For each known name without a route, why there is none.
    """

    def __init__(
        self, routes: Mapping[str, Callable[[], V]], reasons: Mapping[str, str] | None = None
    ) -> None:
        self._routes = dict(routes)
        self.reasons = dict(reasons or {})
        self._values: dict[str, V] = {}
        self._origin: tuple[Experiment[Any], str] | None = None

    def belongs_to(self, experiment: "Experiment[Any]", name: str) -> None:
        """Note that it is a part of an experiment's prediction, which it can be made from again."""
        self._origin = experiment, name

    def __reduce__(self) -> Any:
        """Travel by what it is computed from, not by what was looked at."""
        if self._origin is not None:
            return _part, self._origin
        return type(self), (self._routes, self.reasons)

    def __getitem__(self, name: str) -> V:
        if name in self.reasons and name not in self._routes:
            raise NoClosedForm(f"{name}: {self.reasons[name]}")
        if name not in self._routes:
            raise unknown("quantity", name, [*self._routes, *self.reasons])
        if name not in self._values:
            self._values[name] = self._routes[name]()
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._routes

    def __iter__(self) -> Iterator[str]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def __repr__(self) -> str:
        return f"<{', '.join(self._routes) or 'nothing'}>"


def _require_theory(model: Any) -> None:
    if isinstance(model, type):
        name = model.__name__
        raise InvalidInput(f"model = {name} is a class: give an object, {name}(...)")
    lacking = [name for name in MEMBERS if not hasattr(model, name)]
    if lacking:
        needed = f" (it has no {', '.join(lacking)})" if len(lacking) < len(MEMBERS) else ""
        raise InvalidInput(
            f"model = {shown(model)} has no theory here{needed}: give a model of this package "
            "such as Gaussian(), or use run(), which takes any estimator"
        )


@dataclass(frozen=True, eq=False, init=False)
class Experiment(Generic[M_co]):
    """One self-consuming loop: everything that its law depends on.

    Two are equal if `described` says the same of them; what the caller does later to a model, to
    rows or to a list of sizes changes nothing.

    Parameters
    ----------
    model
        What is fitted each generation, such as ``Gaussian(dim=1, ddof=0)``.
    workflow
        Which rows it is fitted on, such as ``Replace()``.
    samples
        Rows per batch: a number, a sequence with one size per generation, or a callable of
        the generation t = 1, 2, ... A workflow that brings fresh real rows sets the sizes of the
        later batches itself; then this is the number of real rows in batch 1.
    generations
        The number T of fits; generation 1 is the fit to real data.
    truth
        What generation 1 is drawn from; every model has a standard one. Gaussian, KDE: None (the
        standard normal), a `Normal`, a `NormalMixture`, or rows of shape (rows, dim), drawn with
        replacement. The other models say in their documentation what they take.
    temperature
        The short form of ``sampling=Tempered(temperature)``, in whose place it comes.
    sampling
        How the synthetic batches are sampled: None, plainly; `Tempered`; or, for the Gaussian, a
        selection along a direction, `BestOf`, `KeepTop` or `Pairwise`.

    Attributes
    ----------
    unseen
        The generations at which the methods of a workflow of one's own were not compared with
        each other, as that would have taken too long.

    Raises
    ------
    InvalidInput
        If an argument is out of its range or two of them do not fit together.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> mc.Experiment(mc.Gaussian(), mc.Replace(), samples=10, generations=3)
    Experiment(Gaussian(dim=1, ddof=0, floor=0.0), Replace(), samples=10,
    generations=3, truth=standard normal)
    """

    model: M_co
    workflow: AnyWorkflow
    samples: Samples
    generations: int
    if TYPE_CHECKING:
        truth: _Truth = _Truth()
    else:
        truth: Any
    sampling: Sampling | None = None
    unseen: list[int] = field(init=False, repr=False)

    # By hand, as `dataclasses.replace` gives every field: the short form is none.
    def __init__(
        self,
        model: M_co,
        workflow: AnyWorkflow,
        samples: Samples = 100,
        generations: int = 50,
        truth: Any = None,
        temperature: float | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        _require_theory(model)
        require_workflow(workflow)
        last, most = horizon(generations), getattr(workflow, "generations", None)
        if most is not None and last > whole(f"{workflow!r}.generations", most):
            raise invalid("generations", generations, f"{workflow!r} has no more")
        how = lowered(sampling, temperature)
        if isinstance(how, Tempered) and (why := getattr(model, "no_temperature", "")):
            raise invalid("temperature", how.temperature, why)
        if isinstance(how, Selection) and not getattr(model, "selects", False):
            remedy = "the Gaussian alone has a theory of it; run() selects for any estimator"
            raise invalid("sampling", how, remedy)
        own: Any = unfitted(model)
        own = own.resolved() if hasattr(own, "resolved") else own
        self._set("model", own)
        self._set("workflow", workflow)
        self._set("samples", _owned(samples))
        self._set("generations", last)
        self._set("sampling", how)
        self._set("truth", self.model.as_truth(truth))
        if own.dim is None:
            own.dim = self.truth.dim
        self._set("unseen", check(self.schedule))
        self.model.check(self)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def temperature(self) -> float:
        """The sampler's temperature: 1 is plain sampling, and a selection has none."""
        return self.sampling.temperature if isinstance(self.sampling, Tempered) else 1.0

    def __repr__(self) -> str:
        from modelcollapse.loop.showing import words

        return f"Experiment({words(self)})"

    def _repr_html_(self) -> str:
        from modelcollapse.loop.showing import of_experiment

        return of_experiment(self)

    def __getstate__(self) -> dict[str, Any]:
        """Travel by the fields alone: the same bytes, whether or not something was looked at."""
        return {name: bare(part) for name, part in state(self).items()}

    def __eq__(self, other: object) -> bool:
        return self.identity == other.identity if isinstance(other, Experiment) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.identity)

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, model: Any = None, workflow: Any = None, truth: Any = None
    ) -> "Experiment":
        """Build an equal experiment again from what `described` said of it.

        Parameters
        ----------
        data
            What `described` returned, or what JSON made of it.
        model, workflow, truth
            What the data only name, such as a workflow of one's own or rows: it has to be the one
            that was described. None builds it from the data.

        Raises
        ------
        InvalidInput
            If one of these is needed and missing, or is another one; the message names it.
        """
        given = {"model": model, "workflow": workflow, "truth": truth}
        experiment = cls(**arguments(data, given))
        check_same(data, experiment)
        return experiment

    @cached_property
    def identity(self) -> str:
        """What `described` says as one line of JSON with sorted keys, the same in each process."""
        return identity(self)

    @cached_property
    def sizes(self) -> Integers:
        """The batch sizes n_1, ..., n_T, shape (generations,)."""
        return batch_sizes(self.workflow, self.samples, self.generations)

    @cached_property
    def schedule(self) -> Schedule:
        """What each generation trains on: see `modelcollapse.loop.schedule`."""
        return Schedule(self.workflow, self.sizes)


def _owned(samples: Any) -> Any:
    """Return sizes that no caller can change; what is no sequence is as it was."""
    if isinstance(samples, (list, np.ndarray)):
        return samples.copy()
    other = callable(samples) or isinstance(samples, (str, Mapping, AbstractSet))
    return samples if other or not hasattr(samples, "__len__") else tuple(samples)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What theory says of an experiment.

    ``prediction[q]`` is the expectation of quantity q, an array of shape (generations,).
    Asking for a quantity without a closed form raises `NoClosedForm`, with the reason.

    Attributes
    ----------
    expected
        The expectations; the same as indexing the prediction itself.
    variances
        The variance over replicates of a quantity, shape (generations,).
    laws
        Exact laws: for each quantity a list with one distribution per generation.
    limits
        Limits t -> infinity of expectations, in closed form.
    exponents
        Growth rates: "lyapunov" (of the covariance per generation, i = 1..min(dim, n - 1)) and
        "power" (a in V_t ~ t^a).
    fates
        What becomes of a quantity in the long run, where there is a theorem in words: an object
        with a verdict, a rate and a reason.
    typical
        What becomes of a variance in almost every run, where that is proved: an expectation may
        be carried by few runs.
    bounds
        Proved bounds (low, high) on a quantity of every replicate.
    invents
        Whether a generation can sample what the truth does not have.
    reasons
        For quantities that are infinite or have no closed form, why.
    """

    experiment: Experiment
    expected: Lazy[Floats]
    variances: Lazy[Floats] = field(default_factory=lambda: Lazy({}))
    laws: Lazy[Sequence[Any]] = field(default_factory=lambda: Lazy({}))
    limits: Lazy[float] = field(default_factory=lambda: Lazy({}))
    exponents: Lazy[Any] = field(default_factory=lambda: Lazy({}))
    fates: Lazy[Fate] = field(default_factory=lambda: Lazy({}))
    notes: Mapping[str, str] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    typical: Lazy[Fate] = field(default_factory=lambda: Lazy({}))
    invents: bool = True

    def __getitem__(self, quantity: str) -> Floats:
        value: Floats = self.expected[quantity]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.expected)

    def __contains__(self, quantity: object) -> bool:
        return quantity in self.expected

    def keys(self) -> Iterable[str]:
        """Return the names of the predicted quantities."""
        return self.expected.keys()

    def __repr__(self) -> str:
        from modelcollapse.loop.showing import listed, words

        return f"Prediction({words(self.experiment)})\nexpected: {listed(self.expected)}"

    def _repr_html_(self) -> str:
        from modelcollapse.loop.showing import prediction_html

        return prediction_html(self)

    def explain(self) -> None:
        """Give each mapping a reason for every quantity that another one knows and it does not."""
        parts: dict[str, Lazy[Any]] = {
            "expectation": self.expected,
            "variance over replicates": self.variances,
            "law": self.laws,
            "limit": self.limits,
            "fate": self.fates,
            "fate in almost every run": self.typical,
        }
        known = dict.fromkeys(n for part in parts.values() for n in [*part, *part.reasons])
        unknown_set = self.experiment.schedule.edits is None or not self.expected
        if keeps(self.experiment.workflow) and unknown_set:
            why = reason_if_kept(self.experiment.workflow)
            for part in parts.values():
                part.reasons.update({name: why for name in known if name not in part})
        for what, part in parts.items():
            for name in known:
                if name not in part:
                    general = self.expected.reasons.get(name, f"its {what} has no closed form here")
                    part.reasons.setdefault(name, general)

    @property
    def reasons(self) -> dict[str, str]:
        """Why a quantity is infinite, or has no closed form."""
        return {**self.expected.reasons, **self.notes}

    def __reduce__(self) -> Any:
        """Travel by the experiment, which all the rest follows from."""
        return predict, (self.experiment,)

    def to_frame(self, library: str = "polars", *, long: bool = False) -> Any:
        """Return the expectations, as a data frame of "polars", "pandas" or "pyarrow".

        A row is a generation; `long` is one row per quantity, with the columns
        "quantity" and "value". Columns share the memory of the arrays, read-only.

        Raises
        ------
        MissingDependency
            If the library is not installed.
        """
        from modelcollapse.loop.tables import of_prediction

        return of_prediction(self).frame(library, long=long)

    def plot(
        self,
        quantity: str | None = None,
        ax: Any = None,
        *,
        label: str | None = None,
        color: Any = None,
    ) -> Any:
        """Draw an expectation as a line and its limit as a dotted one; return the matplotlib Axes.

        Parameters
        ----------
        quantity
            Its name; None is the first one.
        ax
            The Axes to draw into; None makes new ones. Their scales and names are set only if
            nothing is drawn there yet.
        label
            Its name in the legend, by default the workflow's.
        color
            In place of the workflow's, which is the same in all pictures.

        Raises
        ------
        MissingDependency
            If matplotlib is not installed.
        """
        from modelcollapse.loop import plots

        return plots.prediction(self, quantity, ax, label, color)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as strict JSON data, what ``modelcollapse predict --json`` prints.

        Infinities are the texts "inf" and "-inf", and NaN is null. A law is its name, and its
        means and variances by generation; "variances" are those over replicates.
        """
        from modelcollapse.loop.document import document

        return document(self)

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, model: Any = None, workflow: Any = None, truth: Any = None
    ) -> "Prediction":
        """Predict again what `to_dict` told of.

        Parameters
        ----------
        data
            What `to_dict` returned, or what JSON made of it; its "experiment" is all that is read.
        model, workflow, truth
            What the data only name; see `Experiment.from_dict`.

        Raises
        ------
        InvalidInput
            If the data hold no experiment, or as `Experiment.from_dict` does.
        """
        if not isinstance(data, Mapping) or "experiment" not in data:
            raise invalid("data", data, 'give what to_dict() returns, with an "experiment"')
        given = {"model": model, "workflow": workflow, "truth": truth}
        return predict(Experiment.from_dict(data["experiment"], **given))


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Simulated replicates of an experiment.

    ``trajectories[q]`` has shape (replicates, len(generations)).

    Attributes
    ----------
    generations
        The recorded generations, counted from 1.
    replicates
        The number of independent runs of the loop.
    values
        The quantities, computed at the first look.
    """

    experiment: Experiment
    generations: Integers
    replicates: int
    values: Lazy[Floats]

    def __getitem__(self, quantity: str) -> Floats:
        value: Floats = self.values[quantity]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __contains__(self, quantity: object) -> bool:
        return quantity in self.values

    def keys(self) -> Iterable[str]:
        """Return the names of the recorded quantities."""
        return self.values.keys()

    def to_frame(self, library: str = "polars", *, long: bool = False) -> Any:
        """Return the quantities, as a data frame of "polars", "pandas" or "pyarrow".

        A row is a replicate and generation, as in the files of ``modelcollapse simulate``; `long`
        is one row per quantity, with the columns "quantity" and "value". Quantities of more than
        one number are left out. Columns share the memory of the arrays, read-only.

        Raises
        ------
        MissingDependency
            If the library is not installed.
        """
        from modelcollapse.loop.tables import of_trajectories

        return of_trajectories(self).frame(library, long=long)

    def plot(
        self,
        quantity: str | None = None,
        ax: Any = None,
        *,
        label: str | None = None,
        color: Any = None,
        theorem: bool = True,
    ) -> Any:
        """Draw a quantity by generation, and return the matplotlib Axes.

        A band goes from 5 % to 95 % of the replicates; dots are their mean, and the dashed line is
        their median.

        Parameters
        ----------
        quantity
            Its name; None is the first one.
        ax
            The Axes to draw into; None makes new ones. Their scales and names are set only if
            nothing is drawn there yet.
        label
            Its name in the legend, by default the workflow's.
        color
            In place of the workflow's, which is the same in all pictures.
        theorem
            Whether to draw what is expected, as a line, where that is known.

        Raises
        ------
        MissingDependency
            If matplotlib is not installed.
        """
        from modelcollapse.loop import plots

        return plots.trajectories(self, quantity, ax, label, color, theorem=theorem)

    def __repr__(self) -> str:
        from modelcollapse.loop.showing import listed, span, words

        return (
            f"Trajectories({words(self.experiment)})\n"
            f"{many(self.replicates, 'replicate')}, {span(self.generations)}: {listed(self.values)}"
        )

    def _repr_html_(self) -> str:
        from modelcollapse.loop.showing import trajectories_html

        return trajectories_html(self)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during `simulate`; ``.finished`` holds the replicates that were done."""

    def __init__(self, finished: Trajectories) -> None:
        super().__init__(f"finished: {many(finished.replicates, 'replicate')}")
        self.finished = finished

    def __reduce__(self) -> Any:
        return Interrupted, (self.finished,)


@dataclass(frozen=True, eq=False)
class Request:
    """What a room is asked to simulate; see `simulate`. `recorded` are generations, ascending."""

    replicates: int
    seed: int
    recorded: Integers
    jobs: int = 1
    extra: Sequence[str] = ()
    progress: Callable[[int], None] | None = None
    test: Any = None
    tolerance: float = 1e-10


def _require_experiment(value: object) -> None:
    if not isinstance(value, Experiment):
        raise invalid("experiment", value, "give an Experiment(model, workflow, ...)")


def predict(experiment: Experiment) -> Prediction:
    """Return the exact predictions for an experiment.

    Parameters
    ----------
    experiment
        The loop.

    Returns
    -------
    Prediction
        Expectations by name, with `.variances`, `.laws`, `.limits`, `.exponents`, `.fates` and
        `.reasons`; each is computed at the first look. The page
        ``modelcollapse/docs/quantities.md`` lists the names.

    Raises
    ------
    NoClosedForm
        When a quantity without a closed form is looked up in the result.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), samples=10, generations=3)
    >>> print(mc.predict(loop)["variance"])
    [0.9   0.81  0.729]
    """
    _require_experiment(experiment)
    prediction: Prediction = experiment.model.theory(experiment)
    if not isinstance(prediction, Prediction):
        raise invalid(f"{experiment.model!r}.theory", prediction, "return a Prediction")
    prediction.explain()
    notes = dict(prediction.notes)
    if unseen := experiment.unseen:
        notes["workflow"] = (
            f"its methods were not compared with each other at {len(unseen)} of "
            f"{experiment.generations} generations, the first of them {unseen[0]}, which would "
            "take too long"
        )
    for part in fields(prediction):
        if isinstance(lazy := getattr(prediction, part.name), Lazy):
            lazy.belongs_to(experiment, part.name)
    return replace(prediction, experiment=experiment, notes=notes)


def _part(experiment: Experiment[Any], name: str) -> Any:
    """Return a part of a prediction."""
    return getattr(predict(experiment), name)


def chosen_generations(at: Sequence[int] | None, last: int) -> Integers:
    """Return the generations `at`, or all, checked."""
    if at is not None and not isinstance(at, Iterable):
        raise invalid("at", at, "give a sequence of generations, such as [1, 10, 100]")
    chosen = np.arange(1, last + 1) if at is None else np.array([whole("at", t) for t in at])
    if chosen.size == 0 or chosen.max() > last or np.any(np.diff(chosen) <= 0):
        raise InvalidInput(
            f"at = {chosen.tolist()!r}: give increasing generations between 1 and {last}"
        )
    return chosen


def simulate(
    experiment: Experiment,
    replicates: int = 1000,
    seed: int = 0,
    at: Sequence[int] | None = None,
    *,
    jobs: int = 1,
    extra: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
    test: Any = None,
    tolerance: float = 1e-10,
) -> Trajectories:
    """Simulate independent replicates of an experiment, exactly.

    Parameters
    ----------
    experiment
        The loop.
    replicates
        The number of independent runs.
    seed
        The same seed gives the same bits on one platform, whatever `jobs` and `at` are.
    at
        The generations to record, counted from 1; None records all of them.
    jobs
        Threads, where compiled code does the work, or else processes, through joblib; -1 uses all
        cores. Inside ``joblib.parallel_config(...)`` another backend than joblib's own is used.
    extra
        Quantities that cost more than the loop itself and are recorded on request only.
        Gaussian: "log_pivots", "minors", and for dim > 1 "w2_squared", "test_log_loss". Kernel
        densities: "mise" (each replicate's integrated squared error; Gaussian kernel, truth with
        a density) and "draw" (one row sampled from each fit).
    progress
        Called with the number of replicates finished since the last call.
    test
        For kernel densities: held-out rows of shape (m, dim), or the number m of fresh rows of
        the truth that each replicate draws for itself. Adds "test_log_loss", minus their mean
        log-density in nats.
    tolerance
        The largest error of that mean, at most 1: 1e-10, or 1e-7 for speed; 0 leaves rounding.

    Returns
    -------
    Trajectories
        Each quantity as an array of shape (replicates, recorded generations).

    Raises
    ------
    InvalidInput
        If an argument is out of its range.
    Interrupted
        On Ctrl-C after the first block of replicates; it holds what is finished.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), samples=10, generations=3)
    >>> mc.simulate(loop, replicates=1000, seed=0)["variance"].shape
    (1000, 3)
    """
    _require_experiment(experiment)
    whole("replicates", replicates)
    whole("seed", seed, minimum=0)
    processes(jobs)
    last = experiment.generations
    recorded = chosen_generations(at, last)
    if isinstance(extra, str) or not isinstance(extra, Iterable):
        named = extra if isinstance(extra, str) else "mise"
        raise invalid("extra", extra, f"give a sequence of names, such as [{named!r}]")
    extra = tuple(extra)
    listener(progress, "replicates")
    known = getattr(experiment.model, "extra", ())
    for name in extra:
        if not isinstance(name, str) or name not in known:
            raise unknown("extra quantity", name, known)
    if test is not None and (why := getattr(experiment.model, "no_test", "")):
        raise invalid("test", test, why)
    tolerance = number("tolerance", tolerance, 0, 1, "give 1e-10, or 1e-7 for speed")
    if test is None and tolerance != Request.tolerance:
        raise invalid("tolerance", tolerance, "it is of the scores of a test set: give test too")
    request = Request(replicates, seed, recorded, jobs, extra, progress, test, tolerance)
    values, finished = experiment.model.simulation(experiment, request)
    runs = Trajectories(experiment, recorded, finished, values)
    if finished < replicates:
        raise Interrupted(runs)
    return runs
