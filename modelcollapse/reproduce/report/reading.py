"""Reading verdicts again that ``modelcollapse verify --json`` has written."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from modelcollapse._support.errors import InvalidInput
from modelcollapse.ledger.theorem import Theorem, Verdict, theorems
from modelcollapse.reproduce.report import values

WORDS = ("holds", "refuted", "fails", "weak")
AGAIN = "make it again with: modelcollapse verify --json >"
UNDECIDED = {"any"}  # stands for the near misses of a theorem that could not be told from one
READERS: dict[str, Callable[[Any], Any]] = {
    **{field.name: values.text for field in fields(Verdict)},
    "statistic": values.number,
    "threshold": values.number,
    "samples": values.whole,
    "near_misses": values.truths,
    "near_statistics": values.numbers,
}


class Decisions(NamedTuple):
    """Verdicts, and what is known of how they came about.

    Attributes
    ----------
    verdicts
        By slug, in the ledger's order; some may be missing.
    seconds, seed, alpha
        Of the verification, or None where that is not known.
    """

    verdicts: Mapping[str, Verdict]
    seconds: float | None = None
    seed: int | None = None
    alpha: float | None = None


def read_verdicts(path: Path) -> Decisions:
    """Read what ``modelcollapse verify --json`` wrote, strictly.

    Raises
    ------
    InvalidInput
        If the file cannot be read, is damaged, or belongs to another version's ledger.
    """
    try:
        document = values.document(path)
        verdicts = _verdicts(values.sequence(values.entry(document, "verdicts")))
        return _decisions(verdicts, values.mapping(values.entry(document, "summary")))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"verdicts = {str(path)!r} cannot be used: {error}; {AGAIN} {path}"
        ) from error


def _verdicts(entries: list[Any]) -> dict[str, Verdict]:
    """Return verdicts by slug, in the ledger's order."""
    known = {theorem.slug: theorem for theorem in theorems()}
    found: dict[str, Verdict] = {}
    for entry in entries:
        verdict = _verdict(values.mapping(entry), known)
        if verdict.slug in found:
            raise ValueError(f"there are two verdicts on {verdict.slug}")
        found[verdict.slug] = verdict
    if not found:
        raise ValueError("there are no verdicts in it")
    return {slug: found[slug] for slug in known if slug in found}


def _decisions(verdicts: dict[str, Verdict], summary: dict[str, Any]) -> Decisions:
    """Return verdicts with the time, the seed and alpha of their verification."""
    alarms = values.number(values.entry(summary, "false_alarm_probability_at_most"))
    by_chance = sum(verdict.samples > 0 for verdict in verdicts.values())
    return Decisions(
        verdicts,
        seconds=values.number(values.entry(summary, "seconds")),
        seed=values.whole(summary["seed"]) if "seed" in summary else None,
        alpha=alarms / by_chance if by_chance else None,
    )


def _verdict(entry: dict[str, Any], known: Mapping[str, Theorem]) -> Verdict:
    """Return one verdict, or raise ValueError with what is wrong with it."""
    slug = values.text(values.entry(entry, "slug"))
    if slug not in known:
        raise ValueError(f"this version has no theorem {slug!r}")
    try:
        verdict = Verdict(
            **{name: read(values.entry(entry, name)) for name, read in READERS.items()}
        )
        expected = values.truth(values.entry(entry, "as_expected"))
        _compare(verdict, known[slug], as_expected=expected)
    except ValueError as error:
        raise ValueError(f"{slug}: {error}") from error
    return verdict


def _compare(verdict: Verdict, theorem: Theorem, *, as_expected: bool) -> None:
    """Raise ValueError unless a verdict is on the theorem as this version states it."""
    for name in ("kind", "source", "parameters", "expected"):
        there, here = getattr(verdict, name), getattr(theorem, name)
        if there != here:
            raise ValueError(f"{name} is {there!r} there and {here!r} in this version")
    near = set(getattr(theorem.claim, "near", verdict.near_misses))
    if set(verdict.near_misses) not in (near, UNDECIDED):
        raise ValueError("this version has other near misses")
    if not set(verdict.near_statistics) <= set(verdict.near_misses):
        raise ValueError("near_statistics has names that near_misses has not")
    if verdict.verdict not in WORDS or verdict.as_expected is not as_expected:
        raise ValueError(f"the verdict {verdict.verdict!r} contradicts the rest")
