"""Formulas, sentences and pictures of the report."""
# ruff: noqa: RUF001 - minus signs and Greek letters are meant

import itertools
import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.reproduce.report.entries import linked
from modelcollapse.reproduce.report.mathematics import APPLY, mathml
from modelcollapse.reproduce.report.picture import HIGH, RIGHT, amount, rows, svg, words
from modelcollapse.reproduce.report.prose import prose, scientific
from tests.helpers.report_inputs import verdict

THEOREMS = mc.theorems()
ELEMENTS = {
    *("math", "mrow", "mi", "mo", "mn", "msub", "msup", "msubsup", "mfrac", "msqrt", "mspace"),
    *("mstyle", "mtext", "munder", "mover", "munderover"),
}


def element(text):
    """Parse an element; pages are read more leniently."""
    return ET.fromstring(text)  # noqa: S314 - written by the tests


@pytest.mark.parametrize("theorem", THEOREMS, ids=[t.slug for t in THEOREMS])
def test_every_formula_is_mathematics(theorem):
    """No command is left over, all elements are MathML's own, and all letters are there."""
    found = mathml(theorem.latex)
    root = element(found)

    assert root.tag == "math"
    assert {part.tag for part in root.iter()} <= ELEMENTS
    assert "\\" not in found
    assert not re.search(r"[{}$&_]", "".join(root.itertext()).replace("{0,N}", ""))
    for part in root.iter():
        assert bool(part.text) == (part.tag in ("mi", "mo", "mn", "mtext"))
        if part.tag in ("msub", "msup", "munder", "mover", "mfrac"):
            assert len(part) == 2
        if part.tag in ("msubsup", "munderover"):
            assert len(part) == 3


def test_words_in_formulas_are_upright():
    """A word of several letters is one name, not a product of letters."""
    for theorem in THEOREMS:
        plain = re.sub(r"\\(mathrm|text)\{[^}]*\}|\\[A-Za-z]+", " ", theorem.latex)
        assert not re.search(r"[A-Za-z]{4,}", plain), theorem.slug


@pytest.mark.parametrize(
    ("latex", "inside"),
    [
        (r"E\log v", f'<mi>log</mi><mo lspace="0" rspace="0">{APPLY}</mo><mspace width="0.167em">'),
        (r"\log(v)", f'<mi>log</mi><mo lspace="0" rspace="0">{APPLY}</mo><mo stretchy="false">('),
        (r"\mathrm{Var}X", "<mi>Var</mi>"),
        (r"\lim_n x", '<munder><mo lspace="0" rspace="0">lim</mo><mi>n</mi></munder>'),
        (r"\left[\sum_{j=1}^t x\right]", "<munderover><mo>∑</mo>"),
        (r"\int_0^1 x", "<msubsup><mo>∫</mo>"),
        (r"N'", '<mrow><mi>N</mi><mo lspace="0" rspace="0">′</mo></mrow>'),
        (r"N'^2", '<msup><mrow><mi>N</mi><mo lspace="0" rspace="0">′</mo></mrow><mrow><mn>2'),
        (r"\overline{x^2}", '<mover><mrow class="bar">'),
        (r"\Gamma(n)", '<mi mathvariant="normal">Γ</mi>'),
        (r"a\sim b", "<mo>∼</mo>"),
        (r"a\iff b", "<mo>⟺</mo>"),
        (r"|x|", '<mo lspace="0" rspace="0" stretchy="false">|</mo><mi>x</mi>'),
        (r"a<b", "<mo>&lt;</mo>"),
    ],
)
def test_formulas_are_set_as_tex_does(latex, inside):
    """Names, limits, primes and relations have MathML's form."""
    assert inside in mathml(latex)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("sigma_0^2 t/n", "σ<sub>0</sub><sup>2</sup> t/n"),
        ("E W2^2 = b_n^t", "E W<sub>2</sub><sup>2</sup> = b<sub>n</sub><sup>t</sup>"),
        ("t^-1/2 and pi^2/6", "t<sup>−1/2</sup> and π<sup>2</sup>/6"),
        ("(nt)^(-2/5), t^(1/(n-1))", "(nt)<sup>−2/5</sup>, t<sup>1/(n−1)</sup>"),
        ("prod_{j=2}^t of sum_i", "∏<sub>j=2</sub><sup>t</sup> of ∑<sub>i</sub>"),
        ("sin(pi/sqrt n), sqrt(2/n)", "sin(π/√n), √(2/n)"),
        ("v2 >= -1, n - 1 <= d", "v<sub>2</sub> ≥ −1, n − 1 ≤ d"),
        ("log-variance of breast_cancer", "log-variance of breast_cancer"),
        ("the gamma family's sum", "the gamma family&#x27;s sum"),
        ("chi2(n-i) <b>", "χ<sup>2</sup>(n−i) &lt;b&gt;"),
    ],
)
def test_sentences_have_their_signs(text, html):
    """Greek letters, indices and powers are written as such, and words stay words."""
    assert prose(text) == html


@given(st.text())
def test_sentences_are_safe(text):
    """Nothing but an index or a power becomes an element, and no element is left open."""
    html = prose(text)

    assert not re.search(r"[<>\"']", re.sub(r"</?(sub|sup)>", "", html))
    for tag in ("sub", "sup"):
        assert html.count(f"<{tag}>") == html.count(f"</{tag}>")


@pytest.mark.parametrize(
    ("value", "html"),
    [(1.13e-7, "1.13 · 10<sup>−7</sup>"), (1e12, "1 · 10<sup>12</sup>"), (0.25, "0.25")],
)
def test_small_numbers(value, html):
    """A power of ten is written as one."""
    assert scientific(value) == html


def test_sources_are_links():
    """Papers on arXiv are links, and nothing else is."""
    assert linked("arXiv 2410.16713 (Collapse or Thrive?)") == (
        '<a href="https://arxiv.org/abs/2410.16713">arXiv 2410.16713</a> (Collapse or Thrive?)'
    )
    assert linked("derived here: <theory>") == "derived here: &lt;theory&gt;"


def drawn(**changes):
    """Return the picture of a verdict with some fields changed, and its marks."""
    (theorem,) = mc.theorems("gaussian/replace/variance")
    names = list(theorem.claim.near)
    statistics = changes.pop("near", None)
    if statistics is not None:
        changes["near_statistics"] = dict(zip(names, statistics, strict=False))
    v = verdict(theorem, **changes)
    return v, element(svg(v, "picture"))


def crosses(root):
    """Return where the crosses and arrows of a picture are."""
    paths = [p.get("d") for p in root.iter("path") if p.get("class") == "mark"]
    return [float(d[1:].split()[0]) + 4 for d in paths if "m0" in d], [d for d in paths if "L" in d]


def test_the_picture_is_a_logarithmic_scale():
    """The dot is left of 1, crosses right of it, a decade is as wide as the next."""
    _, root = drawn(statistic=0.05, threshold=0.5, near=(5.0, 50.0, 500.0, 0.5e4))
    (dot,) = root.iter("circle")
    found, arrows = crosses(root)

    (one,) = (float(r.get("x")) for r in root.iter("rect"))
    assert float(dot.get("cx")) < one < found[0]
    gaps = [b - a for a, b in itertools.pairwise(found)]
    assert gaps == pytest.approx([gaps[0]] * 3, abs=0.2)
    assert found[0] - one == pytest.approx(gaps[0], abs=0.2)
    assert arrows == []


def test_what_is_beyond_the_axis_has_an_arrow():
    """Zero, infinite and huge distances stand at an end of the axis."""
    _, root = drawn(statistic=0.0, near=(math.inf, 1e30, 5.0, 7.0))
    found, arrows = crosses(root)

    assert found[0] == found[1] == RIGHT
    assert len(arrows) == 3
    assert "∞" in "".join(root.itertext())
    _, root = drawn(statistic=1e-9)
    assert len(crosses(root)[1]) == 2  # the dot's, and an infinite near miss'


def test_thresholds_without_a_ratio():
    """At a threshold of zero or infinity the picture says what was decided."""
    v, _ = drawn(statistic=0.0, threshold=0.0, near=(1.0, 2.0, 3.0, 4.0))
    assert [row.ratio for row in rows(v)] == [0.0, *[math.inf] * 4]
    v, _ = drawn(statistic=math.inf, threshold=math.inf, verdict="fails", near=(0.0, math.inf))
    assert rows(v)[0].ratio == math.inf
    assert math.isnan(rows(v)[3].ratio)


def test_a_near_miss_without_a_statistic_has_no_mark():
    """It is named, and whether it is rejected is said."""
    v, root = drawn(near=(5.0,))

    assert len(crosses(root)[0]) == 1
    assert all(name in "".join(root.itertext()) for name in v.near_misses)


def test_where_nothing_was_measured_nothing_is_drawn():
    """A claim that could not be told from a near miss has neither dot nor cross."""
    near = {"near_misses": {"any": False}, "near_statistics": {}}
    v, root = drawn(verdict="weak", method="", statistic=0.0, threshold=0.0, **near)

    assert list(root.iter("circle")) == []
    assert crosses(root) == ([], [])
    assert words(rows(v)) == "the claim: not rejected; any: not rejected."


@pytest.mark.parametrize(
    ("kind", "verdict", "rejected"),
    [
        ("law", "holds", False),
        ("law", "weak", False),
        ("law", "fails", True),
        ("refuted", "refuted", True),
        ("refuted", "weak", True),
        ("refuted", "fails", False),
    ],
)
def test_whether_the_claim_was_rejected(kind, verdict, rejected):
    """It follows from the verdict, as `decided` has it."""
    v, _ = drawn(kind=kind, verdict=verdict)

    assert rows(v)[0].rejected == rejected


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.0, "0"), (0.0123, "0.012"), (7.0, "7"), (250.4, "250"), (3e7, "10^7")],
)
def test_distances_in_words(ratio, text):
    """Two digits are enough, and large ones are powers of ten."""
    assert amount(ratio) == text


def test_a_near_miss_that_is_not_rejected_says_so():
    """In the drawing and in its words."""
    (theorem,) = mc.theorems("gaussian/replace/variance")
    first, *_ = theorem.claim.near
    near = {**dict.fromkeys(theorem.claim.near, True), first: False}
    v, root = drawn(near_misses=near, verdict="weak", near=(0.2, 5.0, 5.0, 5.0))

    assert f"{first} (not rejected)" in "".join(root.itertext())
    assert f"{first}: 0.4 times the allowed distance, not rejected" in words(rows(v))


def test_the_picture_has_a_name_and_words():
    """Screen readers find a title and a description, by ids of its own."""
    v, root = drawn()
    title, about = root.find("title"), root.find("desc")

    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {about.get('id')}"
    assert title.text == f"Evidence on {v.slug}"
    assert about.text.startswith("the claim: 0.1 times the allowed distance, not rejected; ")
    assert "infinitely many times" in about.text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"])))
def test_hostile_names_are_text(name):
    """A near miss' name is drawn as it is."""
    (theorem,) = mc.theorems("gaussian/replace/variance")
    v = verdict(theorem, near_misses={name: True}, near_statistics={name: 3.0})
    texts = [part.text for part in element(svg(v, "x")).iter("text")]

    assert name in [text or "" for text in texts]


@pytest.mark.parametrize("theorem", THEOREMS, ids=[t.slug for t in THEOREMS])
def test_every_picture_is_drawn(theorem):
    """Each has its rows, inside the drawing."""
    v = verdict(theorem)
    text = svg(v, theorem.slug)
    root = element(text)
    _, _, width, height = map(float, root.get("viewBox").split())

    assert len(text) < 6000
    assert len(rows(v)) == len(list(root.iter("circle"))) + len(crosses(root)[0])
    for part in root.iter("text"):
        assert 0 <= float(part.get("x")) <= width
        assert 0 <= float(part.get("y")) <= height
    assert HIGH == 1e4
