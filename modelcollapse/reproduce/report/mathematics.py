"""Formulas: from the ledger's LaTeX to MathML, which browsers lay out and screen readers read.

The converter's output is mended where MathML's own rules leave it short of TeX's: words are one
name each, names of functions get their thin spaces, and limits stand below their operators.
"""

from functools import cache

# The converter's own output is read here, and no other document.
from xml.etree import ElementTree as ET

from modelcollapse._support.errors import missing

NAMESPACE = "http://www.w3.org/1998/Math/MathML"  # which HTML knows without being told
THIN = "0.167em"
TIGHT = {"lspace": "0", "rspace": "0"}
APPLY = "\u2061"  # the invisible sign between a function and its argument
PRIME, LINE = "\u2032", "\u2015"
TILDE = "\u223c"
# By the sign: the tag that it should have, and attributes.
SIGNS = {
    "⟺": ("mo", {}),
    TILDE: ("mo", {}),
    "∞": ("mi", {}),
    "/": ("mo", TIGHT),
    "|": ("mo", {**TIGHT, "stretchy": "false"}),
    **{letter: ("mi", {"mathvariant": "normal"}) for letter in "ΓΔΘΛΞΠΣΦΨΩ"},
}
BIG, OPENING, CLOSING = "∑∏", "([{|‖⌈", ")]}‖"
# What stands beside the name of a function with a thin space between.
ORDINARY = {"mi", "mn", "msub", "msup", "msubsup", "mfrac", "msqrt", "mover", "mrow", "mstyle"}
UNDER = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}


@cache
def mathml(latex: str) -> str:
    """Return a formula as a MathML element, in the style of a displayed one.

    Raises
    ------
    MissingDependency
        If the converter is not installed.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise missing("latex2mathml", "report", "the report") from error
    text = convert(latex, display="block")
    root = ET.fromstring(text.replace(f' xmlns="{NAMESPACE}"', ""))  # noqa: S314
    _mend(root)
    # The text around it decides where the formula stands.
    root.attrib = {"displaystyle": "true"}
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


def _mend(parent: ET.Element) -> None:
    """Mend an element's descendants."""
    for child in parent:
        _join_letters(child)
        _mend_sign(child)
        _mend_scripts(child)
        _mend(child)
    if parent.tag not in UNDER and parent.tag not in UNDER.values():
        for index in reversed(range(len(parent))):
            if _is_function(parent[index]):
                _space_out(parent, index)


def _join_letters(element: ET.Element) -> None:
    """Make one name of the upright letters of a word."""
    letters = [part.text or "" for part in element if part.get("mathvariant") == "normal"]
    if element.tag == "mrow" and len(letters) == len(element) > 1:
        for part in list(element):
            element.remove(part)
        element.tag, element.text = "mi", "".join(letters)


def _mend_sign(element: ET.Element) -> None:
    """Give a sign the tag and the spaces that it has in TeX; fences have theirs."""
    if element.text == "~":
        element.text = TILDE
    if element.tag in ("mi", "mo") and element.text in SIGNS and "fence" not in element.attrib:
        element.tag, attributes = SIGNS[element.text]
        element.attrib = dict(attributes)
    if element.get("width") == "negativethinmathspace":
        element.set("width", f"-{THIN}")


def _mend_scripts(element: ET.Element) -> None:
    """Set limits below and above, primes on the line, and a line as wide as what it is over."""
    if element.tag in UNDER and _is_limit(element[0]):
        element.tag = UNDER[element.tag]
    elif element.tag == "mover" and element[1].text == LINE:
        # No font stretches this sign: the style sheet draws the line, and hides the sign.
        element[0].set("class", "bar")
        element[1].set("class", "unseen")
    elif element.tag == "msup" and element[1].text == PRIME:
        element.tag = "mrow"
        element[1].tag, element[1].attrib = "mo", dict(TIGHT)
    elif element.tag == "msup" and len(element[1]) and element[1][0].text == PRIME:
        base, exponent = element
        primed = ET.Element("mrow")
        primed.extend([base, exponent[0]])
        primed[1].tag, primed[1].attrib = "mo", dict(TIGHT)
        element[0] = primed
        exponent.remove(exponent[0])


def _is_limit(base: ET.Element) -> bool:
    """Return whether what is below or above an element belongs under and over it."""
    text = base.text or ""
    return base.tag == "mo" and (text in BIG or text.isalpha())


def _is_function(element: ET.Element) -> bool:
    """Return whether an element is a name such as log or lim, or the E of an expectation."""
    base = element[0] if element.tag in UNDER.values() else element
    text = base.text or ""
    named = text.isascii() and text.isalpha() and (len(text) > 1 or text == "E")
    return named and base.tag in ("mi", "mo")


def _space_out(parent: ET.Element, index: int) -> None:
    """Put thin spaces around the name of a function, where what is beside it calls for them."""
    before = parent[index - 1] if index else None
    following = parent[index + 1] if index + 1 < len(parent) else None
    for name in parent[index].iter("mo"):
        name.attrib.update(TIGHT)
    if following is not None and _is_operand(following, OPENING):
        if not _begins(following, OPENING):
            parent.insert(index + 1, ET.Element("mspace", {"width": THIN}))
        parent.insert(index + 1, _apply())
    if before is not None and _is_operand(before, CLOSING):
        parent.insert(index, ET.Element("mspace", {"width": THIN}))


def _is_operand(element: ET.Element, fences: str) -> bool:
    return element.tag in ORDINARY or _is_function(element) or _begins(element, fences)


def _begins(element: ET.Element, fences: str) -> bool:
    """Return whether an element is, or begins with, one of the fences."""
    first = element[0] if element.tag in ("mrow", "msup") and len(element) else element
    return first.tag == "mo" and (first.text or " ") in fences


def _apply() -> ET.Element:
    sign = ET.Element("mo", TIGHT)
    sign.text = APPLY
    return sign
