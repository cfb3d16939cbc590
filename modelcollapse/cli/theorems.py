"""``modelcollapse theorems``: list the ledger, search it, and show one entry in full."""

import re
from difflib import get_close_matches
from typing import Annotated, Any

from cyclopts import Parameter

from modelcollapse._support.checks import whole
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.words import many
from modelcollapse.cli.completing import Slug
from modelcollapse.cli.output import note, print_json
from modelcollapse.cli.whole import Whole
from modelcollapse.ledger.search import find, near
from modelcollapse.ledger.theorem import ROOMS, Entries, Theorem
from modelcollapse.ledger.theorem import theorems as every


def theorems(
    *words: Slug,
    family: str | None = None,
    most: Whole = 10,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List the theorems of the ledger, search them by words, or show one in full.

    Parameters
    ----------
    words
        Nothing lists all. A slug such as kde/replace/test-loss-linear shows that theorem; its
        beginning, such as kde/replace, or a pattern lists some. Other words, such as KDE collapse
        replace, are looked for in all that an entry says, and so are words of the same meaning.
    family
        Only theorems of this family, such as kde or poisson, or of the room mixed or curated.
    most
        How many of the theorems that say the words are shown, the best first; 0 shows all.
    json
        Print one JSON object, with the theorems in full.
    """
    whole("most", most, minimum=0)
    slugs = [word for word in words if _like_a_slug(word, alone=len(words) == 1)]
    about = [word for word in words if word not in slugs]
    chosen = _chosen(slugs, family)
    found, unheard = find(chosen, " ".join(about)) if about else (list(chosen), [])
    shown = found[: most or None] if about else found
    for word in unheard:
        note(f"no theorem says {word!r}{near(chosen, [word])}")
    if json:
        print_json({"found": len(found), "theorems": [_told(theorem) for theorem in shown]})
        return
    if slugs == [theorem.slug for theorem in shown]:
        print("\n\n".join(map(_in_full, shown)))
        return
    width = max(len(theorem.slug) for theorem in shown)
    for theorem in shown:
        print(f"{theorem.slug:<{width}}  {_first_sentence(theorem)}")
    more = f", the best {len(shown)} are shown" if len(shown) < len(found) else ""
    note(f"{many(len(found), 'theorem')}{more}; in full: modelcollapse theorems {shown[0].slug}")


def _like_a_slug(word: str, *, alone: bool) -> bool:
    """Return whether it is a slug or a pattern, and not a word such as k/2n."""
    if " " in word:
        return False
    room, slash, _ = word.partition("/")
    meant = room in ROOMS or (alone and bool(get_close_matches(room, ROOMS)))
    return not {"*", "["}.isdisjoint(word) or bool(slash and meant)


def _chosen(slugs: list[str], family: str | None) -> Entries[Theorem]:
    """Return the theorems of any of the slugs and of the family."""
    chosen = [theorem for slug in slugs for theorem in every(slug)] if slugs else every()
    once = Entries({theorem.slug: theorem for theorem in chosen}.values())
    if family is None:
        return once
    room = _room(family)
    own = Entries(theorem for theorem in once if theorem.slug.startswith(f"{room}/"))
    if not own:
        raise InvalidInput(f"family = {family!r} has no theorem {', '.join(slugs)}: leave one")
    return own


def _room(family: str) -> str:
    from modelcollapse.families.names import FAMILIES

    rooms = {name: builder.room for name, builder in FAMILIES.items() if builder.room}
    rooms |= {room: room for room in ROOMS}
    if family not in rooms:
        raise unknown("family", family, rooms)
    return rooms[family]


def _first_sentence(theorem: Theorem) -> str:
    said = re.split(r"(?<![.])[.] (?=[A-Z])", theorem.statement)[0].removesuffix(".")
    return f"{said} [refuted]" if theorem.expected == "refuted" else said


def _told(theorem: Theorem) -> dict[str, Any]:
    """Return all that is said of a theorem."""
    return {
        **theorem.row(),
        "decided": "computed" if theorem.claim.design is None else "simulated",
        "near_misses": list(getattr(theorem.claim, "near", ())),
        "command": f"modelcollapse verify {theorem.slug}",
    }


def _in_full(theorem: Theorem) -> str:
    told = _told(theorem)
    lines = {
        "formula": told["latex"],
        "assumptions": told["assumptions"],
        "source": told["source"],
        "kind": f"{told['kind']}, {told['decided']}; expected verdict: {told['expected']}",
        "checked at": told["parameters"],
        "near misses": "; ".join(told["near_misses"]),
        "verify it": told["command"],
    }
    pairs = [f"{name:<11}  {text}" for name, text in lines.items()]
    return "\n".join([theorem.slug, "", theorem.statement, "", *pairs])
