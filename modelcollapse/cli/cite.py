"""``modelcollapse cite``: what to cite for a theorem, or for what a command does."""

from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse.cli import COMMANDS
from modelcollapse.cli.completing import CommandOrSlug
from modelcollapse.cli.output import print_json
from modelcollapse.ledger.references import PAPER, REFERENCES, Reference, named_by, package
from modelcollapse.ledger.theorem import Theorem, theorems

DEFINITIONS = {"diagnose": ("schaeffer2025",)}  # commands that decide by others' definitions


def cite(
    name: CommandOrSlug = None,
    /,
    *,
    bibtex: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List what to cite for a theorem or a command: the package, the paper and the sources.

    Parameters
    ----------
    name
        A theorem's slug, such as kde/replace/test-loss-linear, or a command, such as simulate.
        Nothing lists the package and the paper.
    bibtex
        Print entries of a BibTeX file.
    json
        Print one JSON object, with every work as text, in BibTeX and in parts.
    """
    if bibtex and json:
        raise InvalidInput("bibtex and json: give one; the JSON object has the BibTeX entries too")
    theorem = _theorem(name)
    works = _works(theorem, name or "")
    if json:
        told = None if theorem is None else theorem.row()
        print_json({"theorem": told, "works": [_told(*work) for work in works]})
    else:
        print("\n\n".join(work.bibtex if bibtex else work.text for _, work in works))


def _theorem(name: str | None) -> Theorem | None:
    """Return the theorem of a slug, or nothing of a command's name."""
    if name is None or name in COMMANDS:
        return None
    known = {theorem.slug: theorem for theorem in theorems()}
    if name not in known:
        raise unknown("theorem or command", name, [*COMMANDS, *known])
    return known[name]


def _works(theorem: Theorem | None, command: str) -> list[tuple[str, Reference]]:
    """Return the works, each with what it is here."""
    if theorem is None:
        note, sources = "", [REFERENCES[key] for key in DEFINITIONS.get(command, ())]
    else:
        note = f"Theorem {theorem.slug} ({theorem.source})"
        sources = named_by(theorem.source)
    paper = REFERENCES[PAPER]
    others = [("source", work) for work in sources if work is not paper]
    return [("package", package(note)), ("paper", paper), *others]


def _told(role: str, work: Reference) -> dict[str, object]:
    """Return all that is said of a work."""
    own = {"role": role, "key": work.key, "kind": work.kind, "text": work.text}
    return {**own, "bibtex": work.bibtex, "fields": dict(work.fields)}
