"""Sentences of the ledger as HTML: sigma_0^2 is written with its Greek letter and its indices."""
# ruff: noqa: RUF001 - Greek letters are meant

import re
from html import escape

SIGNS = {
    "alpha": "α",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "phi": "φ",
    "pi": "π",
    "psi": "ψ",
    "rho": "ρ",
    "sigma": "σ",
    "Gamma": "Γ",
}
OPERATORS = {">=": "≥", "<=": "≤", "->": "→", " - ": " \u2212 "}
# The ledger's short names of things that have an index.
INDEXED = {"v2": "v_2", "p1": "p_1", "p2": "p_2", "W2": "W_2", "c4": "c_4", "chi2": "χ^2"}
NAME = re.compile(r"(?<![A-Za-z])(" + "|".join(SIGNS) + r")(?![A-Za-z])")
SHORT = re.compile(r"\b(" + "|".join(INDEXED) + r")\b")
LARGE = re.compile(r"\b(sum|prod)(?=_)")
ROOT = re.compile(r"\bsqrt ?(?=[\w(])")
DIFFERENCE = re.compile(r"(?<=\b[A-Za-z0-9])-(?=[0-9a-z]\))")
INDEX = re.compile(r"(?<![A-Za-z])([A-Za-zαλμνφπψρσΓ∑∏])_(\{[^}]*\}|[A-Za-z]+|\d+)")
SIGN = re.compile(r"(?<![\w)])-(?=\w)")
POWER = re.compile(r"\^(\((?:[^()]|\([^()]*\))*\)|-\d+/\d+|-?\d+(?:\.\d+)?|-?[A-Za-z]+)")


def prose(text: str) -> str:
    """Return a sentence as HTML, safe to be put into a page."""
    for plain, sign in OPERATORS.items():
        text = text.replace(plain, sign)
    text = SHORT.sub(lambda m: INDEXED[m[1]], text)
    text = NAME.sub(lambda m: SIGNS[m[1]], text)
    text = LARGE.sub(lambda m: "∑" if m[1] == "sum" else "∏", text)
    text = ROOT.sub("√", text)
    text = DIFFERENCE.sub("\u2212", text)
    text = INDEX.sub(lambda m: f"{m[1]}<sub>{_inner(m[2])}</sub>", escape(text))
    text = POWER.sub(lambda m: f"<sup>{_inner(m[1])}</sup>", text)
    return SIGN.sub("\u2212", text)


def scientific(value: float) -> str:
    """Return a number as HTML, such as 1.13 · 10^-7 with a raised exponent."""
    digits, _, exponent = f"{value:.3g}".partition("e")
    return f"{digits} · 10<sup>{_inner(str(int(exponent)))}</sup>" if exponent else digits


def _inner(text: str) -> str:
    """Return an index or exponent without the brackets around it, with true minus signs."""
    bare = text[1:-1] if text[0] in "({" else text
    return bare.replace("-", "\u2212")
