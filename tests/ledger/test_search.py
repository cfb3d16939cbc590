"""Theorems by words: what a question finds first, and what is said where it finds nothing."""

import pytest

import modelcollapse as mc
from modelcollapse.ledger import search

QUESTIONS = {
    "does the variance vanish under replace": "gaussian/replace/vanishes-iff",
    "when do kernel density estimates collapse to atoms": "kde/replace/shrinking-too-fast-clumps",
    "test loss of KDE grows": "kde/replace/test-loss-linear",
    "does accumulating keep a Gaussian's variance bounded": "gaussian/accumulate/variance",
    "how long until one outcome is left": "discrete/replace/collapse-time",
    "rare modes die out": "discrete/replace/absent",
    "best weight of fresh real data": "mixed/fresh-data/optimal-weight",
    "a verifier finds its centre": "curated/region/finds-the-centre",
    "critical temperature": "gaussian/replace/critical-temperature",
    "Wasserstein distance diverges": "gaussian/replace/w2-diverges-unbiased",
    "ridge regression accumulate": "regression/accumulate/ridge",
    "extinction of a Poisson loop": "exponential/replace/extinction-sandwich",
    "share of real rows on the web": "mixed/web/threshold",
    "models that train on each other": "mixed/exchange/error",
    "sliding window": "gaussian/sliding-window/variance",
    "optimal bandwidths kde accumulate": "kde/accumulate/optimal-bandwidths",
    "reg_covar of GaussianMixture": "gaussian/replace/floor-variance",
    "n-gram language model loses transitions": "markov/accumulate/unseen-for-ever",
    "golden ratio": "mixed/fresh-data/optimal-weight",
    "diffusion with early stopping": "kde/fresh-data/expected-density",
    "contamination by scraping": "mixed/web/threshold",
    "how much real data do I need": "mixed/keep-real/critical-share",
    "token editing": "discrete/edit/heterozygosity",
    "add-one smoothing": "discrete/replace/smoothed-limit",
    "martingale posterior": "discrete/accumulate/posterior",
    "how to allocate a compute budget": "exponential/accumulate-subsample/best-split",
    "Fisher information of a network": "gaussian/replace/large-sample-law",
}


def slugs(words, glob="*"):
    """Return the slugs that words find, the best first."""
    return [theorem.slug for theorem in mc.theorems(glob, about=words)]


@pytest.mark.parametrize("words", ["KDE collapse replace", "replace, kde: COLLAPSE?"])
def test_kde_collapse_under_replace(words):
    """The two theorems that say it come first, in whatever order the words are."""
    first = {"kde/replace/test-loss-linear", "kde/replace/shrinking-too-fast-clumps"}

    assert set(slugs(words)[:2]) == first


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_question_finds_its_theorem(words):
    """Among the first three."""
    assert QUESTIONS[words] in slugs(words)[:3]


def test_every_theorem_is_found_by_its_slug():
    """The words of a slug find it, and nothing comes before it that has not these words too."""
    for theorem in mc.theorems():
        asked = set(map(search.stem, search.words_of(theorem.slug)))
        found = mc.theorems(about=theorem.slug.replace("/", " "))
        before = found[: [t.slug for t in found].index(theorem.slug)]
        for other in before:
            said = f"{other.slug} {other.statement} {other.assumptions} {other.keywords}"
            assert asked <= set(map(search.stem, search.words_of(said)))


def test_kinds_assumptions_sources_and_keywords_are_found():
    """Not the statement alone."""
    refuted = {theorem.slug for theorem in mc.theorems() if theorem.kind == "refuted"}
    assert refuted <= set(slugs("refuted"))
    assert "gaussian/replace/squared-error-unbiased" in slugs("Shumailov")
    assert "gaussian/real-data/wine-accumulate" in slugs("wine")
    for theorem in mc.theorems():
        if theorem.keywords:
            assert theorem.slug in slugs(f"{theorem.slug.split('/')[0]} {theorem.keywords}")


def test_words_within_a_slug():
    """Only what the slug has, in the order of the words."""
    found = slugs("bounded", "kde/*")

    assert found
    assert all(slug.startswith("kde/") for slug in found)
    assert "kde/accumulate/shrinkage-bounded" in found[:3]


def test_the_beginning_of_a_slug_is_all_below_it():
    """Up to a slash, with one or without."""
    below = [t.slug for t in mc.theorems("kde/replace/*")]

    assert [t.slug for t in mc.theorems("kde/replace")] == below
    assert [t.slug for t in mc.theorems("kde/replace/")] == below
    assert all(t.slug.startswith("mixed/") for t in mc.theorems("mixed"))
    with pytest.raises(mc.InvalidInput, match="did you mean kde/replace") as error:
        mc.theorems("kde/replac")
    assert "about" not in str(error.value)
    with pytest.raises(mc.InvalidInput, match=r"theorems\(about='collapse'\)"):
        mc.theorems("collapse")


def test_forms_of_a_word_are_one():
    """And words of much the same meaning are found, after the word itself."""
    assert slugs("collapses") == slugs("collapsing") == slugs("collapse")
    assert search.stem("bounded") != search.stem("bounds")
    assert slugs("clumps")[0].startswith("kde/")
    assert "gaussian/replace/w2-mle" in slugs("Wasserstein")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("gausian", "did you mean gaussian?"),
        ("xyzzy", "no theorem says 'xyzzy'; all are listed by: modelcollapse theorems"),
        ("what is it", "no theorem says 'what is it'"),
        ("", "no theorem says ''"),
    ],
)
def test_nothing_found(words, said):
    """The message has words that are nearly the same, and how to list all."""
    with pytest.raises(mc.InvalidInput) as error:
        mc.theorems(about=words)

    assert said in str(error.value)
    assert "modelcollapse theorems" in str(error.value)


def test_what_is_no_text_is_refused():
    """With what to give."""
    with pytest.raises(mc.InvalidInput, match="about = 3 is not valid"):
        mc.theorems(about=3)
