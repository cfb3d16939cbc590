r"""Probabilistic context-free grammars: laws of text with an exactly known entropy.

A grammar plays the real distribution in a loop that trains language models on their own samples.
No model's expected loss on held-out text is below the entropy, and the excess is a
Kullback-Leibler divergence: it is zero for the truth alone.

Notation: a use of nonterminal A picks alternative r with probability :math:`p_r`; :math:`M_{AB}` is
the expected number of B in it, and :math:`h_A = -\sum_r p_r \log p_r`. The expected numbers of uses
per string solve :math:`u = e_{start} + M^T u`, so that the entropy is :math:`u \cdot h`. The
surprisal of what A derives has mean :math:`\mu = h + M \mu` and, subtrees being independent given
the alternative, variance :math:`v = c + M v` with :math:`c_A` the variance over r of
:math:`-\log p_r + \sum_{B \in r} \mu_B`; hence :math:`v_{start} = u \cdot c`.
"""

import graphlib
import math
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, repeat

import numpy as np

from modelcollapse._support.checks import Floats, positive, whole
from modelcollapse._support.errors import InvalidInput, invalid, unknown

Alternative = tuple[float, tuple[str, ...]]
Rules = dict[str, tuple[Alternative, ...]]
Ends = dict[int, float]  # where a derivation may end -> log p
Layer = dict[tuple[int, int], float]  # (node, position) -> log p
Chart = dict[tuple[int, int], Ends]  # (nonterminal, position) -> its ends

MOST_USES = 1e9  # rules per string: beyond, rounding hides whether the number is finite
BLOCK = 4096  # uniform numbers drawn at a time


class Grammar:
    """A probabilistic context-free grammar.

    Parameters
    ----------
    rules
        For each nonterminal its alternatives, each a positive weight and a sequence of symbols.
        A symbol that is a key of `rules` is a nonterminal; every other one is a piece of text. A
        string of the grammar is its pieces joined with nothing in between. Weights need not sum
        to 1. The empty alternative is ().
    start
        The nonterminal that derives whole strings.

    Attributes
    ----------
    rules
        As given, with weights that sum to 1 for each nonterminal.
    start
        As given.

    Raises
    ------
    InvalidInput
        If a rule is malformed, a nonterminal is left-recursive or cannot be reached from `start`,
        or the expected number of rules per string is infinite.

    Examples
    --------
    >>> laughs = Grammar({"row": [(2, ["ha", "row"]), (1, ["ha!"])]})
    >>> laughs.sample(3, np.random.default_rng(1))
    ['haha!', 'haha!', 'hahaha!']
    >>> round(math.exp(laughs.log_probability("hahaha!")), 6)  # (2/3)^2 (1/3)
    0.148148
    >>> round(laughs.entropy, 6)
    1.909543
    """

    def __init__(
        self,
        rules: Mapping[str, Sequence[tuple[float, Sequence[str]]]],
        start: str = "row",
    ) -> None:
        self.rules = _normalised(rules)
        self.start = start
        if start not in self.rules:
            raise unknown("start", start, self.rules)
        _require_reachable(self.rules, start)
        _require_no_left_recursion(self.rules)
        self._ids = {name: number for number, name in enumerate(self.rules)}
        self._uses = _expected_uses(self.rules, self._ids, start)
        self._sampler = [self._sampling_table(name) for name in self.rules]
        self._symbols = [[row[::-1] for row in rows] for _, rows in self._sampler]
        self._first = [0, *accumulate(map(len, self.rules.values()))]
        self._tries = _Tries(self.rules, self._ids)

    def __repr__(self) -> str:
        return f"Grammar(<{len(self.rules)} nonterminals>, start={self.start!r})"

    @property
    def entropy(self) -> float:
        """The entropy of a derivation in nats per string, exact up to rounding.

        It is that of the string iff the grammar is unambiguous: no string has two derivations.
        Otherwise the entropy of the string is less.
        """
        return float(self._uses @ [_entropy(alternatives) for alternatives in self.rules.values()])

    @property
    def surprisal_variance(self) -> float:
        """The variance of -log p of a derivation in nats², exact up to rounding.

        Like `entropy` it is that of the string iff the grammar is unambiguous. It says how many
        strings estimate a loss how well (`modelcollapse.evidence.mean`).
        """
        matrix = _expected_children(self.rules, self._ids)
        entropies = np.array([_entropy(alternatives) for alternatives in self.rules.values()])
        means = np.linalg.solve(np.eye(len(matrix)) - matrix, entropies)
        total = 0.0
        for (name, alternatives), uses in zip(self.rules.items(), self._uses, strict=True):
            centre = means[self._ids[name]]
            total += uses * sum(
                p * (-math.log(p) + self._sum_over(symbols, means) - centre) ** 2
                for p, symbols in alternatives
            )
        return float(total)

    def expected_count(self, symbol: str) -> float:
        """Return the expected number of times that a derivation uses a symbol.

        Parameters
        ----------
        symbol
            A nonterminal or a piece of text of the rules; anything else has the count 0.
        """
        if symbol in self._ids:
            return float(self._uses[self._ids[symbol]])
        return float(
            sum(
                uses * sum(p * symbols.count(symbol) for p, symbols in alternatives)
                for alternatives, uses in zip(self.rules.values(), self._uses, strict=True)
            )
        )

    def sample(self, n: int, rng: np.random.Generator) -> list[str]:
        """Draw n independent strings.

        Parameters
        ----------
        n
            Their number.
        rng
            The only source of randomness; it is advanced by whole blocks of numbers.
        """
        return [text for text, _ in self.derivations(n, rng)]

    def derivations(self, n: int, rng: np.random.Generator) -> list[tuple[str, list[int]]]:
        """Draw n independent strings, each with the alternatives that it was derived by.

        Parameters
        ----------
        n
            Their number.
        rng
            The only source of randomness; the strings are those of `sample`.

        Returns
        -------
        list of tuple
            Each string, and the number of every alternative that it uses, as often as it does:
            alternatives are numbered through all rules, in their order.
        """
        n, start, rules = whole("n", n, minimum=0), self._ids[self.start], self._sampler
        uniform = chain.from_iterable(_uniform_blocks(rng)).__next__
        found = []
        for _ in range(n):
            pieces: list[str] = []
            used: list[int] = []
            stack: list[int | str] = [start]
            while stack:
                symbol = stack.pop()
                if isinstance(symbol, str):
                    pieces.append(symbol)
                else:
                    bounds, alternatives = rules[symbol]
                    chosen = bisect(bounds, uniform()) if bounds else 0
                    used.append(self._first[symbol] + chosen)
                    stack += alternatives[chosen]
            found.append(("".join(pieces), used))
        return found

    def log_probability(self, text: str) -> float:
        """Return the log of the probability of a string, summed over all its derivations.

        It is -inf where the text is not a string of the grammar. The time is at most cubic in the
        length of the text, and there is no limit on the depth of a derivation.
        """
        if not isinstance(text, str):
            raise invalid("text", text, "give a string")
        return self._tries.log_probability(self._ids[self.start], text)

    def derivation(self, text: str) -> list[int] | None:
        """Return the numbers of the alternatives that a string is derived by, as often as each is.

        They are numbered as in `derivations`, in no order. None where it is no string of the
        grammar.

        Raises
        ------
        InvalidInput
            If the string has two derivations: then none of them is the one that was used.
        """
        if not isinstance(text, str):
            raise invalid("text", text, "give a string")
        start = self._ids[self.start]
        chart = self._tries.chart(start, text)
        if len(text) not in chart[start, 0]:
            return None
        used: list[int] = []
        stack = [(start, 0, len(text))]
        while stack:
            symbol, at, end = stack.pop()
            ways = [
                (k, parts)
                for k, symbols in enumerate(self._symbols[symbol])
                for parts in _ways(symbols, text, at, end, chart)
            ]
            if len(ways) != 1:
                raise invalid("text", text, "it has several derivations: rewrite the rules")
            used.append(self._first[symbol] + ways[0][0])
            stack += ways[0][1]
        return used

    def tempered(self, power: float) -> "Grammar":
        """Return the grammar with each rule's probabilities raised to a power and renormalised.

        Parameters
        ----------
        power
            At least 0: 0 makes the alternatives of each nonterminal equally likely, 1 changes
            nothing, more sharpens.

        Raises
        ------
        InvalidInput
            If strings become infinitely long on average, or a probability too small for a float.
        """
        if power != 0:
            power = positive("power", power)
        rules = {}
        for name, alternatives in self.rules.items():
            most = max(p for p, _ in alternatives)
            rules[name] = [((p / most) ** power, symbols) for p, symbols in alternatives]
            if not all(p for p, _ in rules[name]):
                raise invalid("power", power, f"a probability of {name!r} becomes 0; give less")
        try:
            return Grammar(rules, self.start)
        except InvalidInput as error:
            raise invalid("power", power, f"with it, {error}") from error

    def _sampling_table(self, name: str) -> tuple[list[float], list[list[int | str]]]:
        """Return the inner bounds of the alternatives in [0, 1], and their symbols, last first."""
        weights, symbols = zip(*self.rules[name], strict=True)
        alternatives = [[self._ids.get(s, s) for s in reversed(row)] for row in symbols]
        return list(accumulate(weights[:-1])), alternatives

    def _sum_over(self, symbols: Sequence[str], values: Floats) -> float:
        """Return the sum of the values of the nonterminals among symbols."""
        return float(sum(values[self._ids[s]] for s in symbols if s in self._ids))


class _Tries:
    """The rules as one prefix tree per nonterminal, for the probabilities of given strings.

    Alternatives that begin alike share a path, and the pieces of text that may follow are looked
    up by their lengths, so that a rule with many alternatives costs no more than one with few.
    """

    def __init__(self, rules: Rules, ids: Mapping[str, int]) -> None:
        # Node k < len(rules) is the root of nonterminal k.
        self.ends: list[float] = []  # log p of the alternative that ends here, or -inf
        self.texts: list[dict[int, dict[str, int]]] = []  # length -> piece -> next node
        self.calls: list[dict[int, int]] = []  # nonterminal -> next node
        for _ in rules:
            self._new_node()
        for root, alternatives in enumerate(rules.values()):
            for p, symbols in alternatives:
                node = root
                for s in symbols:
                    node = self._call(node, ids[s]) if s in ids else self._text(node, s)
                self.ends[node] = _log_sum(self.ends[node], math.log(p))

    def _new_node(self) -> int:
        """Append a node and return its number."""
        self.ends.append(-math.inf)
        self.texts.append({})
        self.calls.append({})
        return len(self.ends) - 1

    def _call(self, node: int, nonterminal: int) -> int:
        """Return the node after a nonterminal, made if need be."""
        if nonterminal not in self.calls[node]:
            self.calls[node][nonterminal] = self._new_node()
        return self.calls[node][nonterminal]

    def _text(self, node: int, piece: str) -> int:
        """Return the node after a piece of text, made if need be."""
        pieces = self.texts[node].setdefault(len(piece), {})
        if piece not in pieces:
            pieces[piece] = self._new_node()
        return pieces[piece]

    def log_probability(self, start: int, text: str) -> float:
        """Return the log of the probability that nonterminal `start` derives the text."""
        return self.chart(start, text)[start, 0].get(len(text), -math.inf)

    def chart(self, start: int, text: str) -> Chart:
        """Return what is needed to know where what `start` derives at 0 may end.

        The chart holds, for a nonterminal and a position, the log of the probability of each end
        of what it may derive there. An entry is computed layer by layer of the prefix tree; what
        it needs and the chart lacks goes on a stack first. This ends, as no nonterminal derives
        itself followed by anything at the same position.
        """
        chart: Chart = {}
        stack: list[tuple[tuple[int, int], Layer, Ends]] = [((start, 0), {(start, 0): 0.0}, {})]
        while stack:
            key, layer, found = stack[-1]
            if key in chart:  # it was needed twice
                stack.pop()
                continue
            lacking = {
                (nonterminal, at)
                for node, at in layer
                for nonterminal in self.calls[node]
                if (nonterminal, at) not in chart
            }
            if lacking:
                stack += [(need, {need: 0.0}, {}) for need in lacking]
                continue
            following = self._advance(layer, text, chart, found)
            if following:
                stack[-1] = (key, following, found)
            else:
                chart[key] = found
                stack.pop()
        return chart

    def _advance(self, layer: Layer, text: str, chart: Chart, found: Ends) -> Layer:
        """Add the alternatives that end in this layer to `found`; return the next layer."""
        following: Layer = {}
        for (node, at), log_p in layer.items():
            if self.ends[node] > -math.inf:
                found[at] = _log_sum(found.get(at, -math.inf), log_p + self.ends[node])
            for length, pieces in self.texts[node].items():
                child = pieces.get(text[at : at + length])
                if child is not None:
                    place = child, at + length
                    following[place] = _log_sum(following.get(place, -math.inf), log_p)
            for nonterminal, child in self.calls[node].items():
                for end, log_q in chart[nonterminal, at].items():
                    place = child, end
                    log_pq = log_p + log_q
                    following[place] = _log_sum(following.get(place, -math.inf), log_pq)
        return following


def _ways(
    symbols: Sequence[int | str], text: str, at: int, end: int, chart: Chart
) -> list[tuple[tuple[int, int, int], ...]]:
    """Return how symbols derive text[at:end], as their nonterminals' parts; two ways at most."""
    found: list[tuple[tuple[int, int, int], ...]] = []
    pending: list[tuple[int, int, tuple[tuple[int, int, int], ...]]] = [(0, at, ())]
    while pending and len(found) < 2:
        number, place, parts = pending.pop()
        while number < len(symbols):
            symbol = symbols[number]
            number += 1
            if not isinstance(symbol, str):
                ends = [one for one in chart.get((symbol, place), ()) if one <= end]
                pending += [(number, one, (*parts, (symbol, place, one))) for one in ends]
                break
            if not text.startswith(symbol, place):
                break
            place += len(symbol)
        else:
            found += [parts] * (place == end)
    return found


def _log_sum(a: float, b: float) -> float:
    """Return log(e^a + e^b); b is finite."""
    if a == -math.inf:
        return b
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


def _uniform_blocks(rng: np.random.Generator) -> Iterator[list[float]]:
    """Yield blocks of uniform numbers without end."""
    for size in repeat(BLOCK):
        yield rng.random(size).tolist()


def _entropy(alternatives: Sequence[Alternative]) -> float:
    """Return the entropy of the choice among alternatives."""
    return -math.fsum(p * math.log(p) for p, _ in alternatives)


def _normalised(rules: object) -> Rules:
    """Return the rules, checked one by one, with weights that sum to 1."""
    if not isinstance(rules, Mapping) or not all(isinstance(name, str) for name in rules):
        raise invalid("rules", rules, "give a mapping from the names of nonterminals")
    checked: Rules = {}
    for name, alternatives in rules.items():
        where = f"rules[{name!r}]"
        if isinstance(alternatives, str) or not isinstance(alternatives, Sequence):
            raise invalid(where, alternatives, "give a list of (weight, symbols)")
        if not alternatives:
            raise invalid(where, alternatives, "give at least one (weight, symbols)")
        pairs = [_checked(f"{where}[{k}]", pair) for k, pair in enumerate(alternatives)]
        most = max(weight for weight, _ in pairs)  # the sum may be beyond the largest float
        total = math.fsum(weight / most for weight, _ in pairs)
        checked[name] = tuple((weight / most / total, symbols) for weight, symbols in pairs)
        for k, (p, _) in enumerate(checked[name]):
            if p == 0:
                raise invalid(f"{where}[{k}][0]", pairs[k][0], f"it is nothing beside {most!r}")
    return checked


def _checked(where: str, pair: object) -> Alternative:
    """Return one alternative in the wanted types."""
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise invalid(where, pair, "give (weight, symbols)")
    weight, symbols = pair
    weight = positive(f"{where}[0]", weight)
    if isinstance(symbols, str) or not isinstance(symbols, Sequence):
        raise invalid(f"{where}[1]", symbols, "give a list of symbols, () for the empty string")
    for k, symbol in enumerate(symbols):
        if not isinstance(symbol, str) or not symbol:
            raise invalid(f"{where}[1][{k}]", symbol, "a symbol is a string that is not empty")
    return weight, tuple(symbols)


def _require_reachable(rules: Rules, start: str) -> None:
    """Raise InvalidInput if the start derives no string with some nonterminal in it."""
    reached, new = {start}, [start]
    while new:
        found = {s for _, symbols in rules[new.pop()] for s in symbols if s in rules} - reached
        reached |= found
        new += found
    lost = [name for name in rules if name not in reached]
    if lost:
        raise invalid("rules", lost, f"no rule leads there from {start!r}; use or remove them")


def _require_no_left_recursion(rules: Rules) -> None:
    """Raise InvalidInput if a nonterminal can derive itself followed by anything."""
    empty: set[str] = set()  # nonterminals that derive the empty string
    while more := {
        name
        for name, alternatives in rules.items()
        if name not in empty and any(empty.issuperset(symbols) for _, symbols in alternatives)
    }:
        empty |= more
    first: dict[str, set[str]] = {name: set() for name in rules}
    for name, alternatives in rules.items():
        for _, symbols in alternatives:
            for s in symbols:
                if s in rules:
                    first[name].add(s)
                if s not in empty:
                    break
    try:
        graphlib.TopologicalSorter(first).prepare()
    except graphlib.CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        advice = "it begins with itself; rewrite the rules so that text comes before the repetition"
        raise invalid("rules", cycle, advice) from error


def _expected_children(rules: Rules, ids: Mapping[str, int]) -> Floats:
    """Return the matrix of the expected numbers of nonterminals in one use of each."""
    matrix = np.zeros((len(rules), len(rules)))
    for name, alternatives in rules.items():
        for p, symbols in alternatives:
            for s in symbols:
                if s in ids:
                    matrix[ids[name], ids[s]] += p
    return matrix


def _expected_uses(rules: Rules, ids: Mapping[str, int], start: str) -> Floats:
    """Return the expected number of uses of each nonterminal per string.

    The expected numbers of rules below each nonterminal solve x = 1 + M x. For M >= 0, an x >= 0
    does so iff the spectral radius of M is below 1; unlike eigenvalues, this is well conditioned
    for long chains of rules.
    """
    matrix = _expected_children(rules, ids)
    system, ones = np.eye(len(rules)) - matrix, np.ones(len(rules))
    with np.errstate(all="ignore"):
        try:
            below = np.linalg.solve(system, ones)
        except np.linalg.LinAlgError:
            below = -ones
        if not np.all((below >= 0) & (below < MOST_USES)):
            radius = max(abs(np.linalg.eigvals(matrix)))
            raise InvalidInput(
                f"rules: the expected number of rules per string is infinite or above "
                f"{MOST_USES:.0e} (spectral radius {radius:.6g}, and it must be below 1); give "
                "less weight to the alternatives that repeat"
            )
        return np.asarray(np.linalg.solve(system.T, np.eye(len(rules))[ids[start]]))
