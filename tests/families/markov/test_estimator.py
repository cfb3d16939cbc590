"""Language by counts as an estimator, its truth, and its texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.markov import contexts, texts, used
from modelcollapse.testing import assert_law, assert_mean
from tests.helpers.markov_oracle import Plain, metrics

TWO = mc.markov.Language([0.5, 0.5], [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
SOME = mc.markov.Language(
    [0.5, 0.3, 0.2], [[0.1, 0.5, 0.2, 0.2], [0.4, 0.1, 0.2, 0.3], [0.3, 0.4, 0.1, 0.2]]
)
ROWS = np.array([[0, 1, 1], [0, -1, -1], [1, 1, -1]])
LONG = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=6)


def padded(drawn):
    """Return lists of words as rows."""
    longest = max(map(len, drawn))
    return np.array([[*text, *[-1] * (longest - len(text))] for text in drawn])


def language(order, words=2, seed=0):
    """Return a language whose rows are drawn at random."""
    rng = np.random.default_rng(seed)
    levels = (rng.dirichlet(np.full(words + 1, 2.0), words**m) for m in range(1, order + 1))
    shaped = [level.reshape(*[words] * m, words + 1) for m, level in enumerate(levels, start=1)]
    return mc.markov.Language(rng.dirichlet(np.full(words, 2.0)), *shaped)


def test_counts_by_hand():
    """Relative frequencies of each context, the end among them but at the start."""
    model = mc.Markov(2).fit(ROWS)

    assert model.probabilities_.tolist() == [
        [2 / 3, 1 / 3, 0],
        [0, 0.5, 0.5],
        [0, 0.5, 0.5],
    ]
    assert model.language_.transitions[0].tolist() == [[0, 0.5, 0.5], [0, 0.5, 0.5]]
    # P(0 1 1 end) = 2/3 1/2 1/2 1/2; a text of 1 then 0 is lost.
    found = np.exp(model.score_samples([[0, 1, 1], [1, 0, -1]]))
    assert found == pytest.approx([1 / 12, 0], rel=1e-14)
    smooth = mc.Markov(2, smoothing=0.5).fit(ROWS).probabilities_
    assert smooth[0] == pytest.approx([2.5 / 4, 1.5 / 4, 0], rel=1e-15)
    assert smooth[2] == pytest.approx([0.5 / 5.5, 2.5 / 5.5, 2.5 / 5.5], rel=1e-15)


def test_the_second_order_by_hand():
    """A context is nothing, one word, or two words; the first word has fewer before it."""
    model = mc.Markov(2, order=2).fit([[0, 1, 1], [0, 1, 0], [1, -1, -1]])
    after = model.language_.transitions

    assert model.language_.start.tolist() == [2 / 3, 1 / 3]
    assert after[0].tolist() == [[0, 1, 0], [0, 0, 1]]
    assert after[1][0, 1].tolist() == [0.5, 0.5, 0]
    assert after[1][1, 1].tolist() == [0, 0, 1]
    assert after[1][0, 0].tolist() == [0, 0, 0]  # never seen: no fit


@given(LONG, st.integers(1, 3), st.sampled_from([0.0, 0.7]))
def test_any_texts_against_dictionaries(drawn, order, smoothing):
    """The tables are those of the slow model, and so are all measures."""
    rows = padded(drawn)
    weights = np.arange(1.0, len(rows) + 1)
    model = mc.Markov(3, order, smoothing).fit(rows, sample_weight=weights)
    plain = Plain(3, order, smoothing).fit(rows, weights)
    seen = 0
    for c, row in enumerate(model.probabilities_):
        own = plain.row(tuple(contexts.words_of(c, 3)))
        if own is None:
            assert not row.any()
            continue
        seen += 1
        wanted = [own[w] for w in range(3)] + [own.get("end", 0.0)]
        assert row == pytest.approx(wanted, rel=1e-12)
    assert seen >= 2


@given(LONG, st.integers(1, 3))
def test_expected_transitions_of_a_fit_are_those_of_its_texts(drawn, order):
    """The fit is of an exponential family, whose sufficient statistics are the transitions."""
    rows = padded(drawn)
    model = mc.Markov(3, order).fit(rows)
    counts = np.bincount(texts.transitions(rows, 3, order)[0], minlength=len(model.probabilities_))
    assert model.language_.visits == pytest.approx(counts / len(rows), rel=1e-9, abs=1e-12)
    assert model.language_.length == pytest.approx((rows >= 0).sum() / len(rows), rel=1e-9)


@given(st.integers(1, 4), st.integers(1, 3))
def test_numbers_of_contexts(words, order):
    """After a context and a word comes the context of the last words."""
    count, base = contexts.count(words, order), contexts.bases(words, order)
    assert contexts.order_of(count, words) == order
    known = {tuple(contexts.words_of(c, words)): c for c in range(count)}
    assert len(known) == count
    for before, c in known.items():
        for w in range(words):
            assert base[c] + w == known[(*before, w)[-order:]]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_moments_of_texts(order, seed):
    """Length, its variance and entropy, by drawn texts, and by the law of the length."""
    truth = language(order)
    drawn = truth.sample(20_000, np.random.default_rng(seed))
    lengths = texts.lengths(drawn)
    assert_mean(lengths.astype(float), truth.length, float(truth.covariance[0, 0]))
    # The law of the length by stepping the chain, and its moments without chance.
    alive = np.zeros(len(truth.base))
    alive[0], ended = 1.0, []
    for _ in range(3000):
        ended.append(float(alive @ truth.probabilities[:, -1]))
        new = np.zeros_like(alive)
        for w in range(truth.words):
            np.add.at(new, truth.base + w, alive * truth.probabilities[:, w])
        alive = new
    steps = np.arange(3000)
    assert np.dot(ended, steps) == pytest.approx(truth.length, rel=1e-9)
    assert np.dot(ended, (steps - truth.length) ** 2) == pytest.approx(
        truth.covariance[0, 0], rel=1e-9
    )
    upto = np.cumsum(ended)
    places = lengths + np.random.default_rng(seed).random(len(lengths)) - 0.5
    assert_law(places, lambda x: np.interp(x, steps - 0.5, upto - ended))
    logs = -truth.log_probabilities(drawn)
    assert logs.mean() == pytest.approx(truth.entropy, rel=0.05)


def test_the_entropy_is_that_of_all_texts():
    """Of a language without long texts, by a list of them."""
    rising = mc.markov.Language([0.6, 0.4], [[0, 0.5, 0.5], [0, 0, 1.0]])
    listed = {(0,): 0.3, (0, 1): 0.3, (1,): 0.4}
    assert rising.entropy == pytest.approx(-sum(p * np.log(p) for p in listed.values()), rel=1e-14)
    assert rising.parameters == 2
    assert rising.possible == 5
    assert rising.length == pytest.approx(1.3)
    other = mc.markov.Language([0.5, 0.5], [[0, 0.25, 0.75], [0, 0, 1.0]])
    wanted = sum(
        p * (np.log(p) - other.log_probabilities(padded([text]))[0]) for text, p in listed.items()
    )
    assert rising.excess(other) == pytest.approx(wanted, rel=1e-12)
    assert other.excess(mc.markov.Language([1, 0], [[0, 0, 1], [0, 0, 1]])) == np.inf


@pytest.mark.parametrize("order", [1, 2])
def test_draws_have_their_law(order, seed):
    """Whether a text has each transition, drawn text by text, and by what is derived of it."""
    truth, n = language(order, 3, 1), 20_000
    drawn = truth.sample(n, np.random.default_rng(seed))
    context, outcome, row = texts.transitions(drawn, 3, order)
    for (c, j), chance in np.ndenumerate(used.used(truth)):
        has = np.zeros(n)
        has[row[(context == c) & (outcome == j)]] = 1.0
        if chance == 0:
            assert not has.any()
            continue
        assert_mean(has, chance, chance * (1 - chance))


def test_one_word():
    """A vocabulary of one word: texts differ in their length alone."""
    truth = mc.markov.Language([1.0], [[0.75, 0.25]])
    assert truth.length == pytest.approx(4)
    assert truth.covariance[0, 0] == pytest.approx(0.75 / 0.25**2)
    model = mc.Markov(1).fit([[0, 0, 0], [0, -1, -1]])
    assert model.probabilities_.tolist() == [[1, 0], [0.5, 0.5]]
    assert mc.Markov(1, 3).as_truth(None).length == pytest.approx(10)
    runs = mc.simulate(mc.Experiment(mc.Markov(1), mc.Replace(), 5, 20), 20)
    assert np.isfinite(runs["length"]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mc.Markov(2).fit([[0, 2]]), r"X\[0, 1\] = 2.0 .* from 0 to 1"),
        (lambda: mc.Markov(2).fit([[0.5]]), r"X\[0, 0\] = 0.5"),
        (lambda: mc.Markov(2).fit([[0, -2]]), r"X\[0, 1\] = -2.0"),
        (lambda: mc.Markov(2).fit([[0], [-1]]), r"X\[1\] is empty: .* leave it out"),
        (lambda: mc.Markov(2).fit([[0, -1, 1]]), r"X\[0, 1\] = -1 is padding before the word 1"),
        (lambda: mc.Markov(0).fit([[0]]), "words = 0"),
        (lambda: mc.Markov(2, order=0).fit([[0]]), "order = 0"),
        (lambda: mc.Markov(2, smoothing=-1).fit([[0]]), "smoothing = -1"),
        (lambda: mc.Markov(2, contexts="some").fit([[0]]), "contexts = 'some'"),
        (lambda: mc.Markov(10**4, order=3).fit([[0]]), "words = 10000, order = 3"),
        (lambda: mc.Markov(2).sample(3), "is not fitted"),
        (lambda: mc.markov.Language([0.5, 0.4], TWO.transitions[0]), "at the start: .* sum to 0.9"),
        (
            lambda: mc.markov.Language([0.5, 0.5], [[1, 0, 0], [0, 1, 0]]),
            r"without an end: .*\[1\]",
        ),
        (lambda: mc.markov.Language([0.5, 0.5], [[1, 0], [0, 1]]), r"need the shape \(2, 3\)"),
        (lambda: mc.markov.Language([0.5, 0.5]), "transitions are missing"),
        (lambda: mc.markov.Language([1.5, -0.5], TWO.transitions[0]), "outcome 1 = -0.5"),
        (lambda: mc.markov.Language.of_table(np.ones((4, 3)) / 3), "at the start, the end"),
        (lambda: mc.markov.Language.of_table([[0.5, 0.5, 0], [0, 0, 1]]), "2 rows and 3 columns"),
        (lambda: mc.Markov(3).as_truth(TWO), "truth has 2 words and order 1"),
        (lambda: mc.Markov(1).as_truth([[1, 0], [0, 1]]), "one text only"),
        (lambda: TWO.excess(SOME), "of 2 words and of order 1"),
        (lambda: setattr(TWO, "probabilities", 3), "cannot be changed"),
    ],
)
def test_what_is_refused(call, message):
    """Each names the argument, its value and the remedy."""
    with pytest.raises((mc.InvalidInput, AttributeError), match=message):
        call()


def test_unreached_words_need_no_end():
    """What no text comes to may be anything, also nothing."""
    truth = mc.markov.Language([1, 0], [[0, 0, 1.0], [0, 1, 0]])
    assert truth.visits.tolist() == [1, 1, 0]
    assert mc.markov.Language([1, 0], [[0, 0, 1.0], [0, 0, 0]]).length == 1


def test_the_plain_loop_takes_texts_of_any_length(tmp_path):
    """Batches of other widths are joined; a run goes on from its checkpoint, texts and all."""
    truth, model = mc.markov.Texts(ROWS), mc.Markov(2)
    options = {"samples": 6, "generations": 5, "seed": 3}
    whole = mc.run(model, truth, mc.Accumulate(), **options)
    path = tmp_path / "texts.npz"
    first = {**options, "generations": 3}
    mc.run(model, truth, mc.Accumulate(), **first, checkpoint=path)
    both = mc.run(model, truth, mc.Accumulate(), **options, checkpoint=path)

    assert np.array_equal(whole.model.probabilities_, both.model.probabilities_)
    assert whole["second_moment"].shape == (5,)
    test = mc.run(
        model, TWO, mc.Accumulate(), 50, 2, 0, test=TWO.sample(9, np.random.default_rng())
    )
    assert np.isfinite(test["test_log_loss"]).all()
    with pytest.raises(mc.InvalidInput, match="padding"):
        mc.markov.Texts([[0, -1, 1]])


def test_described_and_rebuilt():
    """A language goes through JSON bit by bit; large ones are known by their digest."""
    e = mc.Experiment(mc.Markov(3, 1, 0.5), mc.Replace(), 10, 3, truth=SOME)
    assert mc.Experiment.from_dict(mc.described(e)) == e
    plain = mc.Experiment(mc.Markov(3), mc.Replace(), 10, 3)
    assert "any of 3 words" in mc.described(plain)["truth"]
    assert mc.Experiment.from_dict(mc.described(plain)) == plain
    large = mc.Experiment(mc.Markov(20), mc.Replace(), 10, 3, truth=language(1, 20))
    with pytest.raises(mc.InvalidInput, match="give it, from_dict"):
        mc.Experiment.from_dict(mc.described(large))


def test_the_oracles_measures_are_the_languages():
    """The excess of a fit, by the plain model and by the language."""
    rows = SOME.sample(200, np.random.default_rng(0))
    fit, plain = mc.Markov(3).fit(rows), Plain(3).fit(rows)
    assert metrics(SOME)["excess"](plain) == pytest.approx(SOME.excess(fit.language_), rel=1e-9)
