"""Grammars: their entropy, their samples and the probabilities of strings are exact."""

import doctest
import math
import sys
from collections import Counter
from fractions import Fraction
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse import evidence
from modelcollapse._support.errors import InvalidInput
from modelcollapse.language import grammar as grammar_module
from modelcollapse.language import grammars
from modelcollapse.language.grammar import Grammar
from modelcollapse.language.grammars import descriptions
from modelcollapse.testing import assert_frequency, assert_mean

ROWS = 22_000  # enough for Catoni's estimator to tell power 0.95 from 1
WEIGHT = st.integers(1, 9)
FINITE = {
    "coin": {"row": [(1, ["heads"]), (3, ["tails"])]},
    "certain": {"row": [(5, ["one ", "word"])], "word": [(1, ["only"])]},
    "empty": {"row": [(1, []), (2, ["word", "word"])], "word": [(1, []), (1, ["a"]), (4, ["b"])]},
    "sentence": {
        "row": [(3, ["the ", "noun", " ", "verb"]), (1, ["noun", "!"])],
        "noun": [(5, ["dog"]), (2, ["old ", "animal"])],
        "animal": [(2, ["cat"]), (1, ["fox"])],
        "verb": [(1, ["sees the ", "noun"]), (6, ["runs"])],
    },
}


def derivations(grammar, symbols):
    """List (text, probability) of all derivations of a sequence of symbols."""
    if not symbols:
        return [("", 1.0)]
    head, rest = symbols[0], derivations(grammar, symbols[1:])
    if head not in grammar.rules:
        return [(head + text, p) for text, p in rest]
    heads = [
        (text, p * q)
        for p, alternative in grammar.rules[head]
        for text, q in derivations(grammar, alternative)
    ]
    return [(first + text, p * q) for first, p in heads for text, q in rest]


def law_of(grammar):
    """Return the probability of each string of a finite grammar."""
    law = Counter()
    for text, p in derivations(grammar, [grammar.start]):
        law[text] += p
    return law


def derive(grammar, symbol, rng):
    """Draw one derivation; return its text and the log of its probability."""
    if symbol not in grammar.rules:
        return symbol, 0.0
    weights, alternatives = zip(*grammar.rules[symbol], strict=True)
    k = min(int(np.searchsorted(np.cumsum(weights), rng.random())), len(weights) - 1)
    parts = [derive(grammar, s, rng) for s in alternatives[k]]
    return "".join(t for t, _ in parts), math.log(weights[k]) + sum(lp for _, lp in parts)


def reachable(rules, start="row"):
    """Return the rules that a derivation can use."""
    kept, new = {}, [start]
    while new:
        name = new.pop()
        kept[name] = rules[name]
        new += [s for _, symbols in rules[name] for s in symbols if s in rules and s not in kept]
    return kept


@st.composite
def finite_rules(draw):
    """Rules without recursion, mostly ambiguous: few letters, nonterminals in order."""
    names = ["row", "X", "Y"]
    rules = {}
    for k, name in enumerate(names):
        symbol = st.sampled_from(["a", "b", "ab", *names[k + 1 :]])
        alternative = st.tuples(WEIGHT, st.lists(symbol, max_size=2))
        rules[name] = draw(st.lists(alternative, min_size=1, max_size=3))
    return reachable(rules)


@st.composite
def told_rules(draw):
    """Rules, recursive ones too, in which each alternative begins with a letter of its own."""
    names, letters = ["row", "X", "Y", "Z"], map(chr, range(ord("a"), ord("z")))
    rules = {}
    for name in names:
        rest = draw(st.lists(st.lists(st.sampled_from(names), max_size=2), max_size=3))
        weights = draw(st.lists(WEIGHT, min_size=len(rest), max_size=len(rest)))
        # Fewer than one nonterminal is expected per use, as most often there is none.
        rules[name] = [(2 * sum(weights) + 1, [next(letters)])]
        rules[name] += [
            (weight, [next(letters), *symbols])
            for weight, symbols in zip(weights, rest, strict=True)
        ]
    return reachable(rules)


@pytest.fixture(scope="module")
def rows(seed):
    """Draw rows of the built-in grammar."""
    return descriptions().sample(ROWS, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def surprisals(rows):
    """Return -log p of these rows."""
    return -np.array([descriptions().log_probability(row) for row in rows])


@pytest.mark.parametrize("name", FINITE)
def test_entropy_and_variance_are_those_of_all_strings(name):
    """H = -Σ p log p and Var(-log p), over a list of all strings."""
    grammar = Grammar(FINITE[name])
    paths = derivations(grammar, ["row"])
    mean = -sum(p * math.log(p) for _, p in paths)
    variance = sum(p * (-math.log(p) - mean) ** 2 for _, p in paths)

    assert grammar.entropy == pytest.approx(mean, rel=1e-13, abs=1e-15)
    assert grammar.surprisal_variance == pytest.approx(variance, rel=1e-13, abs=1e-15)


@given(rules=finite_rules())
@settings(max_examples=50)
def test_every_number_of_a_finite_grammar(rules):
    """Entropy, variance, counts and string probabilities agree with a list of all derivations."""
    grammar = Grammar(rules)
    paths, law = derivations(grammar, ["row"]), law_of(grammar)
    mean = -sum(p * math.log(p) for _, p in paths)
    variance = sum(p * (-math.log(p) - mean) ** 2 for _, p in paths)
    letters = sum(p * len(text) for text, p in paths)
    counts = [grammar.expected_count(s) * len(s) for s in ("a", "b", "ab")]

    assert grammar.entropy == pytest.approx(mean, rel=1e-12, abs=1e-15)
    assert grammar.surprisal_variance == pytest.approx(variance, rel=1e-12, abs=1e-15)
    assert sum(counts) == pytest.approx(letters, rel=1e-12)
    found = {text: math.exp(grammar.log_probability(text)) for text in law}
    assert found == pytest.approx(dict(law), rel=1e-12)
    assert sum(found.values()) == pytest.approx(1, rel=1e-12)
    assert grammar.entropy >= -sum(p * math.log(p) for p in law.values()) - 1e-12


@given(rules=told_rules(), key=st.integers(0, 2**32))
def test_a_string_has_the_probability_of_its_only_derivation(rules, key):
    """Where the next letter tells the alternative, log p is the sum along the derivation."""
    grammar = Grammar(rules)
    rng = np.random.default_rng(key)

    for text, log_p in (derive(grammar, "row", rng) for _ in range(20)):
        assert grammar.log_probability(text) == pytest.approx(log_p, rel=1e-12, abs=1e-14)
    assert all(math.isfinite(grammar.log_probability(text)) for text in grammar.sample(20, rng))


@pytest.mark.parametrize("share", [Fraction(1, 100), Fraction(1, 2), Fraction(99, 100)])
def test_geometric_strings_have_the_geometric_entropy(share):
    """p_k = q^k (1 - q): H = h(q)/(1 - q), Var = q log²q/(1 - q)², k letters on average."""
    q = float(share)
    grammar = Grammar({"row": [(q, ["a", "row"]), (1 - q, [])]})
    h = -q * math.log(q) - (1 - q) * math.log(1 - q)

    assert grammar.entropy == pytest.approx(h / (1 - q), rel=1e-12)
    assert grammar.surprisal_variance == pytest.approx(q * (math.log(q) / (1 - q)) ** 2, rel=1e-11)
    assert grammar.expected_count("a") == pytest.approx(q / (1 - q), rel=1e-12)
    assert grammar.expected_count("row") == pytest.approx(1 / (1 - q), rel=1e-12)
    for k in (0, 1, 7):
        expected = k * math.log(q) + math.log1p(-q)
        assert grammar.log_probability("a" * k) == pytest.approx(expected, rel=1e-12)


def test_branching_strings_have_the_entropy_of_a_branching_process():
    """Brackets, S = (S)S with probability q < 1/2: 1/(1 - 2q) uses, each with entropy h(q)."""
    q = 0.4
    grammar = Grammar({"row": [(q, ["(", "row", ")", "row"]), (1 - q, [])]})
    h = -q * math.log(q) - (1 - q) * math.log(1 - q)
    log_odds = math.log(q) - math.log(1 - q)

    assert grammar.entropy == pytest.approx(h / (1 - 2 * q), rel=1e-12)
    # A row has N pairs and N + 1 empty ones; Var N = q(1 - q)/(1 - 2q)^3.
    variance = q * (1 - q) / (1 - 2 * q) ** 3 * (log_odds + 2 * math.log(1 - q)) ** 2
    assert grammar.surprisal_variance == pytest.approx(variance, rel=1e-12)


def test_ambiguity_is_summed():
    """A letter at a time or two at once: p(n) = p1 p(n-1) + p2 p(n-2), exactly, to n = 300."""
    one, two, stop = Fraction(5, 10), Fraction(3, 10), Fraction(2, 10)
    grammar = Grammar({"row": [(5, ["a", "row"]), (3, ["aa", "row"]), (2, [])]})
    p = [stop, one * stop]
    while len(p) <= 300:
        p.append(one * p[-1] + two * p[-2])

    for n in (0, 1, 2, 3, 10, 300):
        assert grammar.log_probability("a" * n) == pytest.approx(math.log(p[n]), rel=1e-12)
    assert Grammar({"row": [(1, ["a"]), (1, ["a"])]}).log_probability("a") == 0.0
    assert Grammar({"row": [(1, ["a"]), (1, ["a"])]}).entropy == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("rules", "text", "log_p"),
    [
        ([(9, ["ha", "row"]), (1, ["!"])], lambda n: "ha" * n + "!", (0.9, 0.1)),
        ([(9, ["ha", "row"]), (1, [])], lambda n: "ha" * n, (0.9, 0.1)),
        ([(1, ["(", "row", ")"]), (9, ["o"])], lambda n: "(" * n + "o" + ")" * n, (0.1, 0.9)),
    ],
    ids=["told", "open", "nested"],
)
def test_derivations_may_be_deeper_than_the_stack(rules, text, log_p):
    """More repetitions than Python's recursion limit, and probabilities below the least float."""
    n = sys.getrecursionlimit() + 200
    expected = n * math.log(log_p[0]) + math.log(log_p[1])

    assert Grammar({"row": rules}).log_probability(text(n)) == pytest.approx(expected, rel=1e-12)


def test_samples_may_be_longer_than_the_stack(seed):
    """10^5 letters on average; the probability that none of ten rows is long is below 1e-19."""
    grammar = Grammar({"row": [(99_999, ["a", "row"]), (1, [])]})

    longest = max(len(row) for row in grammar.sample(10, np.random.default_rng(seed)))

    assert longest > sys.getrecursionlimit()


@pytest.mark.parametrize("name", FINITE)
def test_samples_follow_the_law(name, seed):
    """The number of each string among 2,000 samples is credible for its exact probability."""
    grammar, n = Grammar(FINITE[name]), 2_000
    law = law_of(grammar)

    counts = Counter(grammar.sample(n, np.random.default_rng(seed)))

    assert counts.keys() <= law.keys()
    for text, p in law.items():
        assert_frequency(counts[text], n, min(p, 1.0), alpha=1e-9 / len(law))


def test_samples_depend_on_the_generator_alone():
    """The same generator gives the same rows, from a grammar rebuilt from its rules too."""
    first, again = (descriptions().sample(50, np.random.default_rng(3)) for _ in range(2))
    rebuilt = Grammar(descriptions().rules).sample(50, np.random.default_rng(3))
    rng = np.random.default_rng(3)

    assert first == again == rebuilt
    assert descriptions().sample(0, rng) == []
    assert rng.random() == np.random.default_rng(3).random()


def test_tempering_moves_between_uniform_and_sharp():
    """Power 0: equal alternatives; 1: the same; 2: squares; and the law of each is exact."""
    grammar = Grammar(FINITE["sentence"])
    uniform, same, sharp = (grammar.tempered(power) for power in (0, 1, 2))

    assert [p for p, _ in chain(*uniform.rules.values())] == pytest.approx([1 / 2] * 8)
    assert [s for _, s in chain(*uniform.rules.values())] == [
        s for _, s in chain(*grammar.rules.values())
    ]
    for mine, other in zip(
        chain(*same.rules.values()), chain(*grammar.rules.values()), strict=True
    ):
        assert mine == (pytest.approx(other[0], rel=1e-15), other[1])
    assert [p for p, _ in sharp.rules["row"]] == pytest.approx([9 / 10, 1 / 10])
    assert same.entropy == pytest.approx(grammar.entropy, rel=1e-14)
    assert sharp.start == grammar.start


@pytest.mark.parametrize(
    ("power", "message"),
    [
        (-1, "power = -1 is not valid: give a finite number above 0"),
        (math.nan, "power = nan is not valid"),
        ("1", "power = '1' is not valid"),
        (10_000, "power = 10000.0 is not valid: a probability of 'row' becomes 0; give less"),
        (0, "power = 0 is not valid: with it, rules: the expected number of rules"),
    ],
)
def test_wrong_powers(power, message):
    """Each error names the power and why it does not work."""
    grammar = Grammar({"row": [(1, ["a", "row", "row"]), (9, ["b"])]})

    with pytest.raises(InvalidInput) as caught:
        grammar.tempered(power)
    assert message in str(caught.value)


A_ROW = [(1, ["a"])]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([("row", A_ROW)], "rules = [('row', [(1, ['a'])])] is not valid: give a mapping"),
        ({1: A_ROW}, "rules = {1: [(1, ['a'])]} is not valid: give a mapping from the names"),
        ({"row": "ab"}, "rules['row'] = 'ab' is not valid: give a list of (weight, symbols)"),
        ({"row": 3}, "rules['row'] = 3 is not valid: give a list of (weight, symbols)"),
        ({"row": []}, "rules['row'] = [] is not valid: give at least one (weight, symbols)"),
        ({"row": [*A_ROW, ["a"]]}, "rules['row'][1] = ['a'] is not valid: give (weight, symbols)"),
        ({"row": ["ab"]}, "rules['row'][0] = 'ab' is not valid: give (weight, symbols)"),
        ({"row": [(0, ["a"])]}, "rules['row'][0][0] = 0 is not valid: give a finite number above"),
        ({"row": [(-1.5, ["a"])]}, "rules['row'][0][0] = -1.5 is not valid"),
        ({"row": [(math.inf, ["a"])]}, "rules['row'][0][0] = inf is not valid"),
        ({"row": [("1", ["a"])]}, "rules['row'][0][0] = '1' is not valid"),
        (
            {"row": [(1e308, ["a"]), (1e-300, ["b"])]},
            "rules['row'][1][0] = 1e-300 is not valid: it is nothing beside 1e+308",
        ),
        ({"row": [(1, "ab")]}, "rules['row'][0][1] = 'ab' is not valid: give a list of symbols"),
        ({"row": [(1, ["a", ""])]}, "rules['row'][0][1][1] = '' is not valid: a symbol is a str"),
        ({"row": [(1, [2])]}, "rules['row'][0][1][0] = 2 is not valid: a symbol is a string"),
        ({"rows": A_ROW}, "unknown start 'row'; did you mean rows?"),
        ({}, "unknown start 'row'; known: none here"),
        (
            {"row": A_ROW, "X": [(1, ["row"])], "Y": A_ROW},
            "rules = ['X', 'Y'] is not valid: no rule leads there from 'row'; use or remove them",
        ),
        (
            {"row": [(1, ["row", "a"]), (1, ["b"])]},
            "rules = 'row -> row' is not valid: it begins with itself; rewrite the rules",
        ),
        (
            {
                "row": [(1, ["X", "a"])],
                "X": [(1, ["b"]), (1, ["empty", "empty", "row"])],
                "empty": [(1, []), (1, ["c"])],
            },
            "row -> X -> row",
        ),
        (
            {"row": [(1, ["a", "row"])]},
            (
                "rules: the expected number of rules per string is infinite or above 1e+09 "
                "(spectral radius 1, and it must be below 1); give less weight to the alternatives "
                "that repeat"
            ),
        ),
        ({"row": [(3, ["a", "row", "row"]), (2, [])]}, "(spectral radius 1.2, and"),
        ({"row": [(1, ["a", "row", "row"]), (1, [])]}, "(spectral radius 1, and"),
        (
            {"row": [(1, ["b", "X"]), (1, [])], "X": [(9, ["a", "X", "row"]), (1, ["c"])]},
            f"(spectral radius {0.45 + math.sqrt(0.45**2 + 0.45):.6g}, and",
        ),
    ],
)
def test_wrong_rules(rules, message):
    """Each error names the rule, shows what is wrong with it and says what to do."""
    with pytest.raises(InvalidInput) as caught:
        Grammar(rules)
    assert message in str(caught.value)


def test_recursion_that_is_not_left_recursion_is_allowed():
    """After text, or after a nonterminal that is never empty, a rule may repeat."""
    grammar = Grammar({"row": [(1, ["X", "row"]), (3, ["."])], "X": [(1, ["a"]), (1, ["b"])]})

    assert math.exp(grammar.log_probability("ab.")) == pytest.approx(1 / 8 * 1 / 8 * 3 / 4)


def test_long_chains_of_rules_are_not_taken_for_infinite_ones():
    """2^25 letters, though the eigenvalues are ill-conditioned; 2^32 are refused."""
    rules = {f"X{k}": [(1, [f"X{k + 1}", f"X{k + 1}"])] for k in range(25)}
    rules["X25"] = [(1, ["a"])]

    assert Grammar(rules, start="X0").expected_count("a") == 2**25
    rules["X25"] = [(1, ["X26"] * 2**7)]
    with pytest.raises(InvalidInput, match=r"above 1e\+09 \(spectral radius 0, "):
        Grammar({**rules, "X26": [(1, ["a"])]}, start="X0")


def test_huge_weights_are_normalised():
    """Weights whose sum is beyond the largest float."""
    grammar = Grammar({"row": [(1.5e308, ["a"]), (1.5e308, ["b"])]})

    assert [p for p, _ in grammar.rules["row"]] == [0.5, 0.5]
    assert repr(grammar) == "Grammar(<1 nonterminals>, start='row')"


def test_the_wrong_text_and_number():
    """A text is a string, and a number of samples is whole."""
    grammar = Grammar({"row": A_ROW})

    with pytest.raises(InvalidInput, match="text = 3 is not valid: give a string"):
        grammar.log_probability(3)
    with pytest.raises(InvalidInput, match="n = -1 is not valid: give a whole number, at least 0"):
        grammar.sample(-1, np.random.default_rng(0))


def test_the_example_of_the_docstring():
    """The numbers that the documentation shows."""
    assert doctest.testmod(grammar_module).failed == 0


def test_a_row_of_descriptions_has_one_derivation(seed):
    """p(row), summed over all its derivations, is that of the one which was drawn."""
    grammar, rng = descriptions(), np.random.default_rng(seed)

    for row, log_p in (derive(grammar, "row", rng) for _ in range(5_000)):
        assert grammar.log_probability(row) == pytest.approx(log_p, rel=1e-10)


def test_words_of_descriptions_tell_the_rule():
    """The tables share no word, and no class has a verb twice: what unambiguity rests on."""
    nouns = " ".join(grammars.NOUNS.values()).split()
    adjectives, positions = grammars.ADJECTIVES.split(), grammars.POSITIONS.split()
    words = [*nouns, *adjectives, *positions, "and", "do", "does", "is", "that", "the", "what"]

    assert len(words) == len(set(words))
    assert len(nouns) == 60
    for verbs in grammars.ACTS.values():
        own = " ".join(verbs.values()).split()
        assert len(own) == len(set(own))
        assert not set(own) & set(words)


def test_mean_surprisal_of_descriptions_is_the_entropy(surprisals):
    """Mean -log p of a sample against the entropy, with the exact variance; 0.95 is a near miss."""
    grammar = descriptions()
    variance, near = grammar.surprisal_variance, grammar.tempered(0.95).entropy

    assert_mean(surprisals, grammar.entropy, variance)
    outcome = evidence.mean(surprisals, near, variance)
    assert outcome.rejected
    assert outcome.detectable < near - grammar.entropy  # rejected for any seed, but for 1e-9


def test_surprisals_of_descriptions_have_the_exact_variance(surprisals):
    """By Chebyshev's inequality at k standard deviations: at most 1/k² of the rows are outside."""
    grammar = descriptions()
    distance = np.abs(surprisals - grammar.entropy) / math.sqrt(grammar.surprisal_variance)

    for k in (2, 3):
        assert_frequency(int((distance > k).sum()), ROWS, 1 / k**2, side="above")


def test_nouns_of_descriptions_have_their_probabilities(rows):
    """The noun of each prompt, counted, against its exact probability, from fox to quarry."""
    exact = {noun: p for p, noun, _ in grammars.nouns()}
    counts = Counter(next(w for w in row.replace("?", " ").split() if w in exact) for row in rows)
    told = Counter()
    for p, symbols in descriptions().rules["row"]:
        told[symbols[-1].split(":")[1]] += p

    assert dict(told) == pytest.approx(exact, rel=1e-12)
    assert sum(exact.values()) == pytest.approx(1, rel=1e-12)
    assert max(exact.values()) > 100 * min(exact.values())
    for noun, p in exact.items():
        assert_frequency(counts[noun], ROWS, p, alpha=1e-9 / len(exact))
    sharper = sum(p for p, s in descriptions().tempered(1.2).rules["row"] if s[-1].endswith(":fox"))
    outcome = evidence.frequency(counts["fox"], ROWS, sharper)
    assert outcome.rejected
    assert outcome.detectable < sharper - exact["fox"]


def test_rows_of_descriptions_are_prompts_with_responses(rows):
    """One line each, lower-case words with single spaces, and a response about the same noun."""
    nouns = {noun for _, noun, _ in grammars.nouns()}
    for row in rows:
        prompt, response = row.split("\n")
        words = row.replace("\n", " ").split(" ")
        assert all(word.rstrip(".?").isalpha() and word.islower() for word in words)
        assert not any(a in nouns and b in nouns for a, b in pairwise(words))
        noun = next(w for w in prompt.replace("?", "").split() if w in nouns)
        assert response.startswith(f"the {noun} ")
        assert response.endswith(".")
        assert not response.endswith("..")


def test_descriptions_are_as_long_and_as_rich_as_said():
    """Exactly: 20 to 26 nats and 15 to 25 words, for the 60 nouns and for the pieces of text."""
    grammar = descriptions()
    pieces = {s for _, symbols in chain(*grammar.rules.values()) for s in symbols}
    pieces -= grammar.rules.keys()
    words = 1 + sum(grammar.expected_count(s) * sum(map(s.count, " \n")) for s in pieces)

    assert 20 < grammar.entropy < 26
    assert 15 < words < 25
    assert not any(":" in piece for piece in pieces)  # so neither "user:" nor "assistant:"


@pytest.mark.parametrize(
    "row",
    [
        "",
        "\n",
        "where is the fox?",
        "where is the fox?\n",
        "where is the fox?\nthe fox is in the barn.",
        "where is the fox?\nthe dog is in the barn. the dog sleeps.",
        "where is the fox?\nthe fox is in the barn. the fox sleeps",
        "where is the fox?\nthe fox is in the barn. the fox sleeps. ",
        "where is the fox?\nthe fox is in the barn. the fox sleeps.\n",
        "where is the fox?\nthe fox is in the barn. the fox laughs.",
        "where is the fox?\nthe fox is in the barn. the fox sleeps and the king hides.",
        "where is the fox \nthe fox is in the barn. the fox sleeps.",
        "Where is the fox?\nthe fox is in the barn. the fox sleeps.",
        "where is the  fox?\nthe fox is in the barn. the fox sleeps.",
        "where is the fox?\nthe fox is in the fox. the fox sleeps.",
        "where is the wolf?\nthe wolf is in the barn. the wolf sleeps.",
    ],
)
def test_malformed_rows_have_no_probability(row):
    """What is not a row of the grammar has log p = -inf."""
    good = "where is the fox?\nthe fox is in the barn. the fox sleeps."

    assert descriptions().log_probability(row) == -math.inf
    assert math.isfinite(descriptions().log_probability(good))
