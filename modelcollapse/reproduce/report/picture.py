"""The picture of a verdict: how far the evidence is from the claim and from each near miss.

One axis, logarithmic, of the distance from the claim over the distance that is allowed. Left of 1
the evidence agrees with a claim, right of 1 it rejects it. The theorem is a dot, each near miss a
cross; what is beyond an end of the axis stands at that end, with an arrow.
"""

import math
from html import escape
from typing import NamedTuple

from modelcollapse.ledger.theorem import Verdict

WIDTH, LEFT, RIGHT = 340, 16, 322  # of the drawing, and the ends of its axis
TOP, ROW, BELOW = 20, 24, 34  # heights of the head, of a row, and of what is under the rows
LOWEST, HIGHEST = -3, 4  # the most decades that an axis has to each side of 1
HIGH = 10.0**HIGHEST
TICKS = {-3: "0.001", -2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100", 3: "1000", 4: "10000"}


class Row(NamedTuple):
    """A claim: what it is called, its distance over the allowed one, and whether it is rejected."""

    name: str
    ratio: float  # NaN where it is not known
    rejected: bool


class Axis(NamedTuple):
    """Decades from 10^low to 10^high."""

    low: int
    high: int

    def x(self, ratio: float) -> float:
        """Return where a distance is drawn."""
        decades = math.log10(ratio) if 0 < ratio < math.inf else self._end(ratio)
        share = (min(max(decades, self.low), self.high) - self.low) / (self.high - self.low)
        return LEFT + share * (RIGHT - LEFT)

    def beyond(self, ratio: float) -> int:
        """Return -1 or 1 if a distance is beyond the axis' lower or upper end, else 0."""
        if ratio < 10.0**self.low:
            return -1
        return int(ratio > 10.0**self.high)

    def _end(self, ratio: float) -> int:
        return self.high if ratio else self.low


def rows(v: Verdict) -> list[Row]:
    """Return the claim and its near misses as rows of the picture."""
    # Without a method nothing was measured: the claim could not be told from a near miss.
    rejected = bool(v.method) and (v.verdict == "fails") != (v.kind == "refuted")
    statistic = v.statistic if v.method else math.nan
    claim = Row("the claim", _ratio(statistic, v.threshold, rejected=rejected), rejected)
    near = [
        Row(name, _ratio(v.near_statistics.get(name, math.nan), v.threshold, rejected=no), no)
        for name, no in v.near_misses.items()
    ]
    return [claim, *near]


def svg(v: Verdict, name: str) -> str:
    """Return the picture of a verdict as an SVG element; `name` makes its ids unique."""
    drawn = rows(v)
    axis = _axis([row.ratio for row in drawn])
    height = TOP + ROW * len(drawn) + BELOW
    parts = [
        f'<svg class="scale" role="img" aria-labelledby="{name}-title {name}-words"',
        f' viewBox="0 0 {WIDTH} {height}">',
        f'<title id="{name}-title">Evidence on {escape(v.slug)}</title>',
        f'<desc id="{name}-words">{escape(words(drawn))}</desc>',
        *_frame(axis, height - BELOW),
        *(part for i, row in enumerate(drawn) for part in _row(axis, row, i)),
        "</svg>",
    ]
    return "".join(parts)


def words(drawn: list[Row]) -> str:
    """Return what the picture shows, in words."""
    parts = []
    for row in drawn:
        far = "" if math.isnan(row.ratio) else f"{amount(row.ratio)} times the allowed distance, "
        parts.append(f"{row.name}: {far}{'rejected' if row.rejected else 'not rejected'}")
    return "; ".join(parts) + "."


def amount(ratio: float) -> str:
    """Return a ratio in words."""
    if math.isinf(ratio):
        return "infinitely many"
    return _rounded(ratio) if ratio < HIGH else f"10^{math.floor(math.log10(ratio))}"


def _rounded(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:.0f}"


def _ratio(statistic: float, threshold: float, *, rejected: bool) -> float:
    """Return statistic / threshold; at the ends, where that has no value, what was decided."""
    if math.isnan(statistic):
        return math.nan
    if statistic == 0 or not 0 < threshold < math.inf:
        return math.inf if rejected else 0.0
    return statistic / threshold


def _axis(ratios: list[float]) -> Axis:
    """Return the decades that hold the ratios, with some room around 1."""
    decades = [math.log10(r) for r in ratios if 0 < r < math.inf]
    low = math.floor(min([*decades, -1]))
    high = math.ceil(max([*decades, 1]))
    return Axis(max(low, LOWEST), min(high, HIGHEST))


def _frame(axis: Axis, bottom: int) -> list[str]:
    """Return the two halves with their names, and the axis with its ticks."""
    one, top, middle = axis.x(1), TOP - 4, (LEFT + RIGHT) // 2
    ticks = {axis.x(10.0**k): TICKS[k] for k in range(axis.low, axis.high + 1)}
    return [
        f'<rect x="{one:.1f}" y="{top}" width="{WIDTH - one:.1f}" height="{bottom - top}"/>',
        _text("half end", one - 5, 11, "◂ agrees"),
        _text("half", one + 5, 11, "rejected ▸"),
        f'<path class="axis" d="M{LEFT} {bottom}H{RIGHT}M{one:.1f} {top}V{bottom}"/>',
        *(f'<path class="axis" d="M{x:.1f} {bottom}v4"/>' for x in ticks),
        *(_text("tick", x, bottom + 14, label) for x, label in ticks.items()),
        _text("tick", middle, bottom + 28, "distance over the distance allowed"),
    ]


def _row(axis: Axis, row: Row, index: int) -> list[str]:
    """Return a claim's name and distance, its mark, and a line from 1 to it."""
    kind, top = ("near" if index else "claim"), TOP + index * ROW
    doubt = " (not rejected)" if index and not row.rejected else ""
    parts = [_text(kind, LEFT, top + 8, escape(row.name + doubt))]
    if math.isnan(row.ratio):
        return parts
    x, y, side = axis.x(row.ratio), top + 15, axis.beyond(row.ratio)
    parts.append(_text("half end", RIGHT, top + 8, _short(row.ratio)))
    parts.append(f'<path class="stem" d="M{axis.x(1):.1f} {y}H{x:.1f}"/>')
    mark = f"M{x - 4:.1f} {y - 4}l8 8m0-8l-8 8"
    parts.append(
        f'<path class="mark" d="{mark}"/>' if index else f'<circle cx="{x:.1f}" cy="{y}" r="4.5"/>'
    )
    if side:
        back, tip = x + side * 6, x + side * 11
        arrow = f"M{back:.1f} {y - 4}L{tip:.1f} {y}L{back:.1f} {y + 4}"
        parts.append(f'<path class="mark" d="{arrow}"/>')
    return parts


def _text(kind: str, x: float, y: float, content: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{content}</text>'


def _short(ratio: float) -> str:
    """Return a ratio in a few signs."""
    if math.isinf(ratio):
        return "∞"
    if ratio < HIGH:
        return _rounded(ratio)
    return f'10<tspan class="up" dy="-3">{math.floor(math.log10(ratio))}</tspan>'
