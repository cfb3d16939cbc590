"""Verification: the ledger's theorems, decided on simulations and computations."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from modelcollapse.checks import fraction, whole
from modelcollapse.claims import Design, Finding, TooWeak
from modelcollapse.errors import invalid, unknown
from modelcollapse.experiment import Trajectories, simulate
from modelcollapse.theorem import Theorem, Verdict, theorems

ALPHA = 1e-9


def verify(slug: str, *, seed: int = 0, alpha: float = ALPHA) -> Verdict:
    """Verify one theorem; see `verify_all`."""
    if any(sign in str(slug) for sign in "*?["):
        raise invalid("slug", slug, "give one theorem's slug, or use verify_all for a glob")
    if slug not in (known := [t.slug for t in theorems()]):
        raise unknown("theorem", slug, known)
    return verify_all(slug, seed=seed, alpha=alpha)[0]


def verify_all(
    glob: str = "*",
    *,
    seed: int = 0,
    alpha: float = ALPHA,
    report: Callable[[Verdict], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Verdict]:
    """Verify all theorems whose slug matches the glob.

    Parameters
    ----------
    glob
        Such as ``gaussian/replace/*``.
    seed
        The seed of the simulations; the verdicts hold for any.
    alpha
        The false-alarm probability of each check, and the probability that it misses one of
        its near misses.
    report
        Called with each verdict as it falls.
    progress
        Called with what is under way and the share of the work that is finished.

    Returns
    -------
    list of Verdict
        In the ledger's order.
    """
    fraction("alpha", alpha)
    whole("seed", seed, minimum=0)
    chosen = theorems(glob)
    say = progress or (lambda *_: None)
    verdicts = []
    with Verification(chosen, seed, alpha) as verification:
        for done, theorem in enumerate(chosen):
            say(theorem.slug, done / len(chosen))
            verdicts.append(verification.verdict(theorem))
            if report:
                report(verdicts[-1])
    say("", 1.0)
    return verdicts


class Verification:
    """Verdicts on chosen theorems; what shares a design shares its simulation.

    Each simulation is run once and dropped after its last claim. While a claim looks at one, the
    next is already being run in a second thread: the compiled loops do not hold the interpreter.

    Parameters
    ----------
    chosen
        The theorems that will be decided, each once and best in this order.
    seed
        The seed of the simulations.
    alpha
        The false-alarm probability of each check, and its probability to miss a near miss.
    """

    def __init__(self, chosen: Sequence[Theorem], seed: int, alpha: float = ALPHA) -> None:
        self._seed, self._alpha = seed, alpha
        designs = [d for t in chosen if (d := t.claim.design) is not None]
        self._left = Counter(designs)
        self._waiting = list(self._left)
        self._ahead = ThreadPoolExecutor(max_workers=1)
        self._runs: dict[Design, Future[Trajectories]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def verdict(self, theorem: Theorem) -> Verdict:
        """Decide one of the theorems."""
        runs = self._take(theorem.claim.design)
        try:
            return decided(theorem, theorem.claim.examine(runs, self._alpha, self._alpha))
        except TooWeak as error:
            # The prediction has come too near to a near miss to be told from it: no verdict.
            undecided = theorem.kind == "refuted"
            nothing = Finding("", str(error), "", 0.0, 0.0, 0, undecided, {"any": False})
            return decided(theorem, nothing)

    def _take(self, design: Design | None) -> Trajectories | None:
        """Return the trajectories of a design, and start the next simulation."""
        if design is None:
            return None
        self._start(design)
        runs = self._runs[design].result()
        if self._waiting:
            self._start(self._waiting[0])
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
        return simulate(
            experiment,
            design.replicates,
            self._seed,
            design.at,
            extra=design.extra,
            test=design.test,
        )


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
    )
