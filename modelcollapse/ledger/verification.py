"""Verification: the ledger's theorems, decided on simulations and computations."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Self, get_args

from modelcollapse._support.checks import fraction, listener, whole
from modelcollapse._support.errors import invalid, unknown
from modelcollapse._support.interruption import apart
from modelcollapse._support.workers import helped
from modelcollapse.ledger.claims import Claim, Design, Finding, Foreseen, TooWeak, Trained
from modelcollapse.ledger.theorem import Entries, Kind, Theorem, Verdict, theorems
from modelcollapse.loop.blocks import BLOCK
from modelcollapse.loop.experiment import Experiment, Trajectories, simulate

ALPHA = 1e-9
LEAST = 2_000  # replicates: fewer would save nothing
FEW = 16  # replicates that have all compiled that many have
AHEAD = 2  # simulations that are run at a time


def verify(
    theorem: str | Theorem, *, seed: int = 0, alpha: float = ALPHA, thorough: bool = False
) -> Verdict:
    """Verify one theorem: of the ledger, by its slug, or your own; see `verify_all`.

    Parameters and errors are those of `verify_all`, for one theorem; it returns a `Verdict`.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> verdict = mc.verify("gaussian/accumulate/limit")
    >>> verdict.verdict, verdict.near_misses_rejected
    ('holds', '4/4')
    """
    if not isinstance(theorem, Theorem):
        if not isinstance(theorem, str):
            raise invalid("theorem", theorem, "give a slug or a Theorem")
        if any(sign in theorem for sign in "*?["):
            raise invalid("theorem", theorem, "give one slug, or use verify_all for a glob")
        if theorem not in (known := [t.slug for t in theorems()]):
            raise unknown("theorem", theorem, known)
    return verify_all(theorem, seed=seed, alpha=alpha, thorough=thorough)[0]


def verify_all(
    which: str | Theorem | Iterable[Theorem] = "*",
    *,
    seed: int = 0,
    alpha: float = ALPHA,
    thorough: bool = False,
    report: Callable[[Verdict], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Entries[Verdict]:
    """Verify theorems: of the ledger, or your own.

    Parameters
    ----------
    which
        A glob of the ledger's slugs, such as ``gaussian/replace/*``, or theorems, such as
        ``[*theorems("gaussian/replace/*"), mine]``.
    seed
        The seed of the simulations; the verdicts hold for any.
    alpha
        The false-alarm probability of each check, and the probability that it misses one of
        its near misses.
    thorough
        Whether to take all replicates of each design. By default a simulation has as many as
        its theorems' nearest near misses need at `alpha`, which is faster; all of them also see
        smaller errors, which no near miss stands for.
    report
        Called with each verdict as it falls.
    progress
        Called with what is under way and the share of the work that is finished.

    Returns
    -------
    list of Verdict
        In the order given; for a glob that is the ledger's. Its ``to_frame()`` is a table. Theorems
        on language models need the extra "language": without it a glob leaves them out, if others
        match.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, no slug matches, or a theorem cannot be decided as
        it is written; the message says why.
    MissingDependency
        If all of them need an extra that is not installed.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> for verdict in mc.verify_all("mixed/value/*"):
    ...     print(verdict.slug, verdict.verdict)
    mixed/value/optimum holds
    mixed/value/break-even holds
    mixed/value/always-hurts refuted
    mixed/value/shared-generator holds
    """
    fraction("alpha", alpha)
    whole("seed", seed, minimum=0)
    chosen = _runnable(theorems(which)) if isinstance(which, str) else _own(which)
    for listens in (progress, report):
        listener(listens, "theorems")
    say = progress or (lambda *_: None)
    verdicts = Entries[Verdict]()
    with Verification(chosen, seed, alpha, thorough=thorough) as verification:
        for done, theorem in enumerate(chosen):
            say(theorem.slug, done / len(chosen))
            verdicts.append(verification.verdict(theorem))
            if report:
                report(verdicts[-1])
    say("", 1.0)
    return verdicts


def lacking(theorem: Theorem) -> str:
    """Return the extra that a theorem needs and that is not installed, or ""."""
    design = theorem.claim.design
    return design.lacks() if isinstance(design, Design) else ""


def _runnable(chosen: list[Theorem]) -> list[Theorem]:
    """Return the theorems that can be run here: all, if none can, for the error that says why."""
    return [theorem for theorem in chosen if not lacking(theorem)] or chosen


def _own(which: Theorem | Iterable[Theorem]) -> list[Theorem]:
    """Return the theorems as a list, checked: they may be a user's."""
    if not isinstance(which, Theorem | Iterable):
        raise invalid("which", which, "give a glob of slugs, or theorems")
    chosen = [which] if isinstance(which, Theorem) else list(which)
    if not chosen:
        raise invalid("which", which, "give at least one theorem")
    for theorem in chosen:
        if not isinstance(theorem, Theorem):
            raise invalid("which", theorem, "give a glob of slugs, or Theorem(...) objects")
        _check(theorem)
    return chosen


def _check(theorem: Theorem) -> None:
    """Raise InvalidInput if a theorem has no claim that can be decided and be wrong."""
    where, claim = f"{theorem.slug!r}:", theorem.claim
    if theorem.kind not in get_args(Kind):
        raise invalid(f"{where} kind", theorem.kind, f"give one of {', '.join(get_args(Kind))}")
    usable = hasattr(claim, "design") and callable(getattr(claim, "examine", None))
    if isinstance(claim, type) or not usable:
        raise invalid(f"{where} claim", claim, "give a claim such as those of modelcollapse.claims")
    if claim.design is not None and not callable(getattr(claim.design, "experiment", None)):
        remedy = "give a Design whose experiment is a function that returns an Experiment"
        raise invalid(f"{where} design", claim.design, remedy)
    if not getattr(claim, "near", True):
        raise invalid(f"{where} near", {}, "name a near miss: without one the power is unknown")


def helped_to_compile(which: str) -> AbstractContextManager[None]:
    """While a glob's theorems are verified, compile in a second process, from the last one on.

    The two meet halfway. Of few simulations this process would not be done sooner.
    """
    if len(_simulations(which)) <= 2 * AHEAD:
        return nullcontext()
    return helped(f"from {__name__} import compile_for; compile_for({which!r})")


def compile_for(which: str) -> None:
    """Compile what the simulations of a glob's theorems call, from the last one to the first."""
    for design in reversed(_simulations(which)):
        simulate(design.experiment(), FEW, 0, design.at, extra=design.extra, test=design.test)


def _simulations(which: str) -> list[Design]:
    designs = dict.fromkeys(theorem.claim.design for theorem in _runnable(theorems(which)))
    return [design for design in designs if design and not isinstance(design, Trained)]


class Verification:
    """Verdicts on chosen theorems; what shares a design shares its simulation.

    Each simulation is run once and dropped after its last claim. While a claim looks at one, the
    next ones are already being run in threads: the compiled loops do not hold the interpreter.

    Parameters
    ----------
    chosen
        The theorems that will be decided, each once and best in this order.
    seed
        The seed of the simulations.
    alpha
        The false-alarm probability of each check, and its probability to miss a near miss.
    thorough
        Whether to take all replicates of each design, or as many as the near misses need.
    """

    def __init__(
        self, chosen: Sequence[Theorem], seed: int, alpha: float = ALPHA, *, thorough: bool
    ) -> None:
        self._seed, self._alpha, self._thorough = seed, alpha, thorough
        self._claims: dict[Design, list[Claim]] = {}
        for claim in (theorem.claim for theorem in chosen):
            if claim.design is not None:
                self._claims.setdefault(claim.design, []).append(claim)
        self._left = Counter({design: len(own) for design, own in self._claims.items()})
        self._waiting = list(self._left)
        self._ahead, self._trains = ThreadPoolExecutor(max_workers=AHEAD), Lock()
        self._runs: dict[Design, Future[Trajectories]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def verdict(self, theorem: Theorem) -> Verdict:
        """Decide one of the theorems."""
        return self.decide(theorem, self.take(theorem.claim.design))

    def decide(self, theorem: Theorem, runs: Trajectories | None) -> Verdict:
        """Decide a theorem on given trajectories."""
        try:
            found = apart(theorem.claim.examine, runs, self._alpha, self._alpha)
            return decided(theorem, found)
        except TooWeak as error:
            # The prediction has come too near to a near miss to be told from it: no verdict.
            undecided = theorem.kind == "refuted"
            nothing = Finding("", str(error), "", 0.0, 0.0, 0, undecided, {"any": False})
            return decided(theorem, nothing)

    def take(self, design: Design | None) -> Trajectories | None:
        """Return the trajectories of a design, and start the next simulation."""
        if design is None:
            return None
        self._start(design)
        for following in self._waiting[:AHEAD]:
            self._start(following)
        runs = self._runs[design].result()
        self._left[design] -= 1
        if self._left[design] == 0:
            del self._runs[design]
        return runs

    def _start(self, design: Design) -> None:
        if design in self._waiting:
            self._waiting.remove(design)
            self._runs[design] = self._ahead.submit(self._simulate, design)

    def _simulate(self, design: Design) -> Trajectories:
        experiment = design.experiment()
        replicates = self.replicates(design, experiment)
        if isinstance(design, Trained):
            with self._trains:  # models share the interpreter's random numbers and threads
                return design.run(replicates, self._seed)
        return simulate(
            experiment,
            replicates,
            self._seed,
            design.at,
            extra=design.extra,
            test=design.test,
        )

    def replicates(self, design: Design, experiment: Experiment) -> int:
        """Return how many replicates of a design are simulated, in whole blocks."""
        if self._thorough:
            return design.replicates
        needed = [
            c.needed(experiment, self._alpha, self._alpha)
            if isinstance(c, Foreseen)
            else design.replicates
            for c in self._claims[design]
        ]
        blocks = -(-max(LEAST, *needed) // BLOCK)
        return min(design.replicates, blocks * BLOCK)


def decided(theorem: Theorem, found: Finding) -> Verdict:
    """Return the verdict that a finding amounts to."""
    if found.rejected != (theorem.kind == "refuted"):
        word = "fails"
    else:
        word = theorem.expected if all(found.near_misses.values()) else "weak"
    return Verdict(
        slug=theorem.slug,
        kind=theorem.kind,
        source=theorem.source,
        parameters=theorem.parameters,
        predicted=found.predicted,
        observed=found.observed,
        method=found.method,
        statistic=found.statistic,
        threshold=found.threshold,
        samples=found.samples,
        near_misses=dict(found.near_misses),
        verdict=word,
        expected=theorem.expected,
        near_statistics=dict(found.near_statistics),
    )
