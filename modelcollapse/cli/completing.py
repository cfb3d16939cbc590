"""What a shell's completion offers beside commands and options: families and slugs."""

from typing import Annotated, Any

from cyclopts import Parameter


def families(_: Any) -> list[str]:
    """Return the families by name."""
    from modelcollapse.families.names import FAMILIES

    return list(FAMILIES)


def slugs(_: Any) -> dict[str, str]:
    """Return the theorems' slugs, each with its statement."""
    from modelcollapse.ledger.theorem import theorems

    return {theorem.slug: theorem.statement for theorem in theorems()}


def either(_: Any) -> dict[str, str]:
    """Return families and slugs."""
    return {**dict.fromkeys(families(_), ""), **slugs(_)}


def commands_or_slugs(_: Any) -> dict[str, str]:
    """Return commands and slugs."""
    from modelcollapse.cli import COMMANDS

    return {**COMMANDS, **slugs(_)}


Family = Annotated[str, Parameter(completer=families)]
Slug = Annotated[str, Parameter(completer=slugs)]
FamilyOrSlug = Annotated[str | None, Parameter(completer=either)]
CommandOrSlug = Annotated[str | None, Parameter(completer=commands_or_slugs)]
