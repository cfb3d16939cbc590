"""Theorems by words: what an entry says of itself, and words of much the same meaning."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import TYPE_CHECKING

from modelcollapse._support.errors import InvalidInput, shown

if TYPE_CHECKING:
    from modelcollapse.ledger.theorem import Theorem

LIST = "modelcollapse theorems"  # the command that lists all
ALIKE = 0.5  # what a word of much the same meaning counts, of the word itself
WEAK = 1 / 3  # of the best entry's score, below which an entry is left out
CUT = 0.75  # how like a word is to one that was not found, of 1
LEAST = 4  # letters: a shorter word is not taken for the beginning of another
ENDINGS = ("ing", "ed", "es", "s", "e", "y")
WHOLE = ("bounded",)  # is not a form of "bound"
# Words of questions, and those that nearly every entry could have.
EMPTY = (
    "a all an and any are as at be but by can data did do does for from happens how i if in is it "
    "its model models my of on or so than that the their them there they this to under was what "
    "when where which who why will with you your"
)
MEANINGS = (
    "collapse diverge explode vanish clump degenerate deteriorate shrink lost extinct absorbed",
    "thrive bounded settle converge stable survive plateau stay",
    "kde kernel density",
    "gaussian normal",
    "regression least squares ols linear",
    "discrete categorical multinomial outcomes tokens vocabulary words language",
    "curated verifier verified filter curation cleaning",
    "variance spread dispersion covariance",
    "loss likelihood perplexity entropy nats",
    "error mse risk",
    "accumulate append augment augmentation",
    "subsample budget",
    "fresh new",
    "mixed mix mixing pooled pooling share proportion fraction ratio",
    "selection select best preference reward rlhf rater",
    "rare tail mode absent missing support",
    "diversity heterozygosity entropy rank",
    "limit infinity asymptotic forever ever",
    "w2 wasserstein distance",
    "mise integrated",
    "refuted false claim myth",
    "unbiased ddof",
    "web internet provenance",
    "bound below most least",
)


def stem(word: str) -> str:
    """Return a word without the ending that its other forms lack."""
    for ending in () if word in WHOLE else ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= LEAST:
            return word.removesuffix(ending)
    return word


def words_of(text: str) -> list[str]:
    """Return the words of a text that say something, in lower case."""
    every = re.findall(r"[^\W_]+", text.lower())
    return [word for word in every if len(word) > 1 and word not in SILENT]


SILENT = frozenset(EMPTY.split())
GROUPS = tuple(frozenset(map(stem, group.split())) for group in MEANINGS)


@dataclass(frozen=True)
class Index:
    """The stems of each entry, with the weight of the most telling place that has it."""

    weights: Sequence[dict[str, float]]

    @classmethod
    def of(cls, entries: Iterable["Theorem"]) -> "Index":
        """Read the entries."""
        return cls([_weights(theorem) for theorem in entries])

    def scores(self, word: str) -> list[float]:
        """Return how much a word says for each entry; a rare one says more."""
        own = stem(word)
        beginning = own if len(own) >= LEAST else None
        found = self._weighed(
            lambda s: s == own or (beginning is not None and s.startswith(beginning))
        )
        for group in GROUPS:
            if own in group:
                alike = self._weighed(group.__contains__)
                found = [max(a, ALIKE * b) for a, b in zip(found, alike, strict=True)]
        return found

    def _weighed(self, says: Callable[[str], bool]) -> list[float]:
        best = [max((w for s, w in own.items() if says(s)), default=0.0) for own in self.weights]
        count = sum(w > 0 for w in best)
        rarity = log(1 + len(best) / count) if count else 0.0
        return [rarity * w for w in best]


def _weights(theorem: "Theorem") -> dict[str, float]:
    return _weighted(
        theorem.slug,
        f"{theorem.statement} {theorem.keywords}",
        f"{theorem.assumptions} {theorem.kind}",
        f"{theorem.parameters} {theorem.source}",
    )


@lru_cache(maxsize=1024)
def _weighted(*places: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for weight, text in zip((2.0, 1.0, 0.5, 0.25), places, strict=True):
        for word in words_of(text):
            weights.setdefault(stem(word), weight)
    return weights


def find(entries: Sequence["Theorem"], words: str) -> tuple[list["Theorem"], list[str]]:
    """Return the entries that say the words, the best first, and the words that none says.

    Raises
    ------
    InvalidInput
        If none says any; the message has words that are nearly the same, and how to list all.
    """
    index = Index.of(entries)
    by_word = {word: index.scores(word) for word in dict.fromkeys(words_of(words))}
    unheard = [word for word, scores in by_word.items() if not any(scores)]
    if len(unheard) == len(by_word):
        hint = near(entries, unheard)
        raise InvalidInput(f"no theorem says {shown(words)}{hint}; all are listed by: {LIST}")
    totals = [sum(scores) for scores in zip(*by_word.values(), strict=True)]
    order = sorted(range(len(entries)), key=lambda i: -totals[i])
    return [entries[i] for i in order if totals[i] > WEAK * totals[order[0]]], unheard


def near(entries: Iterable["Theorem"], unheard: Iterable[str]) -> str:
    """Return a hint at words of the entries that are nearly those which none says."""
    known = {w for t in entries for w in words_of(f"{t.slug} {t.keywords} {t.statement}")}
    known.update(word for group in MEANINGS for word in group.split())
    names = sorted(known)
    alike = [w for one in unheard for w in difflib.get_close_matches(one, names, 1, CUT)]
    return f"; did you mean {', '.join(alike)}?" if alike else ""
