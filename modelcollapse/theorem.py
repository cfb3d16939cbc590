"""The ledger: one Theorem per statement, and verify, which decides each on evidence."""

import fnmatch
import importlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from modelcollapse.checks import fraction, whole
from modelcollapse.claims import Claim, Design, Finding, TooWeak
from modelcollapse.errors import unknown
from modelcollapse.experiment import Trajectories, simulate

Kind = Literal["identity", "law", "bound", "limit", "refuted"]
ROOMS = ("gaussian",)
ALPHA = BETA = 1e-9


@dataclass(frozen=True)
class Theorem:
    """One statement about self-consuming loops.

    Parameters
    ----------
    slug
        Its name, ``room/workflow/statement``.
    statement, latex
        The statement in words and as a formula.
    source
        The paper, or "derived here" with the place in ``theory/``.
    assumptions
        What it needs.
    kind
        "identity" and "limit" are decided without chance; "law" and "bound" on simulations;
        "refuted" is a published or plausible claim that is false under the assumptions.
    parameters
        The values at which it is checked.
    claim
        The check, with its near misses.
    """

    slug: str
    statement: str
    latex: str
    source: str
    assumptions: str
    kind: Kind
    parameters: str
    claim: Claim

    @property
    def expected(self) -> str:
        """The verdict that the ledger expects: "holds" or "refuted"."""
        return "refuted" if self.kind == "refuted" else "holds"


@dataclass(frozen=True)
class Verdict:
    """What `verify` decided of one theorem.

    `verdict` is "holds", "refuted" (a claim of kind "refuted" was rejected), "fails" (a theorem
    was rejected, or a claim of kind "refuted" was not) or "weak" (a near miss was not rejected,
    or is too near to be told from the claim; `observed` says so).
    """

    slug: str
    kind: str
    source: str
    parameters: str
    predicted: str
    observed: str
    method: str
    statistic: float
    threshold: float
    samples: int
    near_misses: dict[str, bool]
    verdict: str
    expected: str

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the ledger expects."""
        return self.verdict == self.expected

    @property
    def near_misses_rejected(self) -> str:
        """Near misses rejected, such as "3/3"."""
        return f"{sum(self.near_misses.values())}/{len(self.near_misses)}"

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {**asdict(self), "as_expected": self.as_expected}


def theorems(glob: str = "*") -> list[Theorem]:
    """Return the ledger's theorems whose slug matches the glob, in order.

    Raises
    ------
    InvalidInput
        If none matches; the message lists the nearest slugs.
    """
    known: list[Theorem] = []
    for room in ROOMS:
        known += importlib.import_module(f"modelcollapse.{room}.theorems").THEOREMS
    matching = [t for t in known if fnmatch.fnmatchcase(t.slug, glob)]
    if not matching:
        raise unknown("theorem", glob, [t.slug for t in known])
    return matching


def verify(slug: str, *, seed: int = 0, alpha: float = ALPHA) -> Verdict:
    """Verify one theorem; see `verify_all`."""
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
    with _Shared(seed, chosen) as shared:
        for done, theorem in enumerate(chosen):
            say(theorem.slug, done / len(chosen))
            verdicts.append(_examine(theorem, shared.runs(theorem.claim.design), alpha))
            if report:
                report(verdicts[-1])
    say("", 1.0)
    return verdicts


class _Shared:
    """Simulations by design; each is run once and dropped after its last claim.

    While a claim looks at one, the next is already being run in a second thread: the compiled
    loops do not hold the interpreter.
    """

    def __init__(self, seed: int, chosen: Sequence[Theorem]) -> None:
        self._seed = seed
        designs = [d for t in chosen if (d := t.claim.design) is not None]
        self._left = Counter(designs)
        self._waiting = list(self._left)
        self._ahead = ThreadPoolExecutor(max_workers=1)
        self._runs: dict[Design, Future[Trajectories]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def runs(self, design: Design | None) -> Trajectories | None:
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
        return simulate(experiment, design.replicates, self._seed, extra=design.extra)


def _examine(theorem: Theorem, runs: Trajectories | None, alpha: float) -> Verdict:
    try:
        return _verdict(theorem, theorem.claim.examine(runs, alpha, alpha))
    except TooWeak as error:
        # The prediction has come too near to a near miss to be told from it: no verdict.
        undecided = theorem.kind == "refuted"
        nothing = Finding("", str(error), "", 0.0, 0.0, 0, undecided, {"any": False})
        return _verdict(theorem, nothing)


def _verdict(theorem: Theorem, found: Finding) -> Verdict:
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
