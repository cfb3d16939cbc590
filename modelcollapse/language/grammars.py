"""Built-in grammars."""

from collections.abc import Iterable, Sequence
from functools import cache

from modelcollapse.language.grammar import Grammar

SHARES = {"animal": 0.4, "person": 0.3, "tool": 0.2, "place": 0.1}
NOUNS = {  # class -> from common to rare
    "animal": "fox dog cat horse owl bear mouse goat crow hare frog otter badger heron newt",
    "person": "king girl farmer sailor baker queen thief monk tailor poet miller judge piper "
    "weaver hermit",
    "tool": "lamp wheel hammer rope clock bell knife mirror ladder drum anvil loom sieve compass "
    "bellows",
    "place": "house river forest market barn tower garden bridge harbour mill cave orchard meadow "
    "chapel quarry",
}
ADJECTIVES = (
    "old small red young quiet strange tall dark golden lonely clever broken cold gentle proud "
    "hidden wild pale sleepy crooked ancient noble humble crimson weary"
)
ACTS = {  # class -> object's class, or "" for none -> verbs from common to rare
    "animal": {
        "": "sleeps hides listens waits dances shivers yawns",
        "animal": "chases follows fears greets outwits",
        "person": "watches trusts avoids bites",
        "place": "guards crosses circles haunts",
    },
    "person": {
        "": "laughs works sings dreams weeps prays whistles",
        "animal": "feeds hunts tames paints",
        "person": "loves meets helps teaches deceives",
        "tool": "carries mends sells steals polishes",
        "place": "visits owns leaves rebuilds",
    },
    "tool": {
        "": "shines rattles hums rusts creaks",
        "person": "serves delights wounds outlives",
        "tool": "touches covers matches",
    },
    "place": {
        "": "glitters floods sinks smells",
        "animal": "shelters hosts swallows",
        "person": "welcomes frightens honours",
        "place": "faces joins overlooks",
    },
}
POSITIONS = "in near behind above under"


def zipf(words: Sequence[str], exponent: float = 1.5) -> list[tuple[float, str]]:
    """Return the words with weights rank^-exponent."""
    return [(rank**-exponent, word) for rank, word in enumerate(words, 1)]


def nouns(classes: Iterable[str] = NOUNS) -> list[tuple[float, str, str]]:
    """Return (probability, noun, class) of all nouns of some classes; they sum to their shares."""
    table = []
    for kind in classes:
        weighted = zipf(NOUNS[kind].split())
        total = sum(weight for weight, _ in weighted)
        table += [(SHARES[kind] * weight / total, noun, kind) for weight, noun in weighted]
    return table


@cache
def descriptions() -> Grammar:
    r"""Return a small English of prompts and responses about 60 nouns, one of each per row.

    A row is ``prompt + "\n" + response``, such as::

        where is the old fox?
        the fox is near the barn. the fox chases the hare that sleeps and the king laughs.

    The response is about the noun of the prompt: which places are likely depends on the noun, and
    which verbs there are on its class. Nouns, adjectives and verbs have Zipf's weights, so that
    there is a tail to lose; adjectives, relative clauses, clauses and sentences may repeat without
    bound.

    The grammar is unambiguous. In the prompt, the first word tells the template, and the word
    after the adjectives the noun: together the alternative of the row. After that, the next word
    or two tell every choice. A word is in one table only, and a verb once among those of a class,
    which is that of the noun before it. What follows a noun or a verb without object is
    one of: "that", always about the noun just before; "and" with a subject of its own; ". the"
    with the prompt's noun for its subject; the end of the row, or of the prompt.
    """
    rules: dict[str, list[tuple[float, Sequence[str]]]] = {
        "row": [],
        "adjective:": [(weight, [word]) for weight, word in zipf(ADJECTIVES.split(), 1)],
        "adjectives:": [(3, []), (1, ["adjective:", " ", "adjectives:"])],
        "other:": [(p, ["adjectives:", noun, " ", f"act:{kind}"]) for p, noun, kind in nouns()],
    }
    for kind, verbs in ACTS.items():
        rules[f"that:{kind}"] = [(7, []), (1, [" that ", f"act:{kind}"])]
        rules[f"object:{kind}"] = [
            (p, ["adjectives:", noun, f"that:{kind}"]) for p, noun, _ in nouns([kind])
        ]
        rules[f"act:{kind}"] = [
            (weight, [verb, " the ", f"object:{aim}"] if aim else [verb])
            for aim, words in verbs.items()
            for weight, verb in zipf(words.split(), 1)
        ]
    places = NOUNS["place"].split()
    for number, (p, noun, kind) in enumerate(sorted(nouns(), reverse=True)):
        the, act = f"the {noun} ", f"act:{kind}"
        first = number % len(places)
        rules["row"] += [
            (4 * p, ["describe the ", "adjectives:", f"{noun}\n", f"look:{noun}"]),
            (3 * p, ["where is the ", "adjectives:", f"{noun}?\n", f"home:{noun}"]),
            (2 * p, ["what does the ", "adjectives:", f"{noun} do?\n", f"deed:{noun}"]),
            (p, ["tell of the ", "adjectives:", f"{noun} that ", act, "\n", f"deed:{noun}"]),
        ]
        rules[f"look:{noun}"] = [
            (2, [the, "is ", "adjective:", ". ", f"deed:{noun}"]),
            (1, [the, "is ", "adjective:", " and ", "adjective:", ". ", f"deed:{noun}"]),
        ]
        rules[f"home:{noun}"] = [
            (1, [the, "is ", "position:", " the ", f"place:{noun}", ". ", f"deed:{noun}"])
        ]
        rules[f"place:{noun}"] = [(w, [x]) for w, x in zipf(places[first:] + places[:first])]
        rules[f"deed:{noun}"] = [(1, [the, act, f"rest:{noun}"])]
        rules[f"rest:{noun}"] = [
            (13, ["."]),
            (4, [". ", f"deed:{noun}"]),
            (3, [" and the ", "other:", f"rest:{noun}"]),
        ]
    rules["position:"] = [(weight, [word]) for weight, word in zipf(POSITIONS.split(), 1)]
    return Grammar(rules)
