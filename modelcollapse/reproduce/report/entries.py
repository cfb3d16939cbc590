"""What the page says of each theorem, and how many there are of what."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from modelcollapse.ledger.theorem import ROOMS, Theorem, Verdict
from modelcollapse.reproduce.report.mathematics import mathml
from modelcollapse.reproduce.report.picture import amount, rows, svg
from modelcollapse.reproduce.report.prose import prose

TITLES = {
    "gaussian": "Gaussian",
    "kde": "Kernel density estimates",
    "exponential": "One-parameter exponential families",
    "discrete": "Discrete distributions",
    "regression": "Linear regression",
    "markov": "Language by counts",
    "mixed": "Mixed, fresh and web data",
    "curated": "Curated data",
}
# A sign, a label and a meaning: no verdict is told by its colour alone.
STATUS = {
    "holds": ("✓", "holds", "the evidence agrees with it, and rejects every near miss"),
    "refuted": (
        "⊘",
        "refuted, as expected",
        "a claim that is false as stated here; the evidence rejects it",
    ),
    "fails": ("✗", "fails", "the evidence contradicts what the ledger says"),
    "weak": ("△", "weak", "the evidence does not tell the statement from one of its near misses"),
    "undecided": ("…", "not decided", "it was not among the theorems that were verified"),
}
KINDS = {
    "law": "a law or a mean, tested on simulated runs",
    "bound": "an inequality, tested or computed",
    "identity": "a number that two routes must agree on, without chance",
    "limit": "a limit, from computations with bounded errors",
    "sharpened": "the exact value of what is published for large n or as a bound",
    "refuted": "a claim that is to be rejected",
}
ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5})")


class Near(NamedTuple):
    """A near miss: its name as HTML, how far off it is in words, and whether it is rejected."""

    name: str
    far: str
    rejected: bool


class Entry(NamedTuple):
    """A theorem on the page; `statement`, `formula`, `source`, ... are HTML."""

    slug: str
    room: str
    kind: str
    status: str
    statement: str
    formula: str
    source: str
    assumptions: str
    parameters: str
    predicted: str
    observed: str
    searched: str
    verdict: Verdict | None
    near: tuple[Near, ...]
    picture: str


class Room(NamedTuple):
    """The theorems of a room."""

    name: str
    title: str
    entries: tuple[Entry, ...]


def rooms(theorems: Sequence[Theorem], verdicts: Mapping[str, Verdict]) -> list[Room]:
    """Return the ledger by rooms, each theorem with its verdict if there is one."""
    entries = [entry(theorem, verdicts.get(theorem.slug)) for theorem in theorems]
    found = [
        Room(name, TITLES.get(name, name), tuple(e for e in entries if e.room == name))
        for name in ROOMS
    ]
    return [room for room in found if room.entries]


def entry(theorem: Theorem, verdict: Verdict | None) -> Entry:
    """Return what the page says of one theorem."""
    words = (theorem.slug, theorem.statement, theorem.source, theorem.assumptions)
    return Entry(
        slug=theorem.slug,
        room=theorem.slug.split("/")[0],
        kind=theorem.kind,
        status=verdict.verdict if verdict else "undecided",
        statement=prose(theorem.statement),
        formula=mathml(theorem.latex),
        source=linked(theorem.source),
        assumptions=prose(theorem.assumptions),
        parameters=prose(theorem.parameters),
        predicted=prose(verdict.predicted) if verdict else "",
        observed=prose(verdict.observed) if verdict else "",
        searched=" ".join(words).lower(),
        verdict=verdict,
        near=_near(verdict) if verdict else (),
        picture=svg(verdict, theorem.slug) if verdict else "",
    )


def counts(rooms: Sequence[Room], what: str) -> dict[str, int]:
    """Return how many theorems there are of each status, room or kind, in the order of those."""
    order = {"status": list(STATUS), "room": list(TITLES), "kind": list(KINDS)}[what]
    found = Counter(getattr(e, what) for room in rooms for e in room.entries)
    return {name: found[name] for name in order if found[name]}


def linked(source: str) -> str:
    """Return a source as HTML in which papers on arXiv are links."""
    return ARXIV.sub(r'<a href="https://arxiv.org/abs/\1">arXiv \1</a>', prose(source))


def _near(verdict: Verdict) -> tuple[Near, ...]:
    far = ("" if row.ratio != row.ratio else amount(row.ratio) for row in rows(verdict)[1:])
    return tuple(
        Near(prose(name), ratio, rejected)
        for (name, rejected), ratio in zip(verdict.near_misses.items(), far, strict=True)
    )
