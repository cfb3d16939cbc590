"""One sentence that says what happened, made from the numbers that it rests on."""

from typing import TYPE_CHECKING

from modelcollapse._support.words import many
from modelcollapse.diagnosis.effects import Effect

if TYPE_CHECKING:
    from modelcollapse.diagnosis.outcome import Diagnosis, Finding

FIRST = ("any_risk", "variance_collapse", "mode_loss", "tail_loss", "hallucination")  # that tell


def told(found: "Diagnosis") -> str:
    """Return the sentence: how each quantity moved, by which test, and what follows at alpha."""
    parts: dict[str, str] = {}
    for name in FIRST:
        finding = found[name]
        column = finding.metric.removeprefix("-")
        if column and column not in parts:
            parts[column] = _part(column, finding, found.alpha)
    text = "; ".join(filter(None, parts.values()))
    return f"{text}." if text else "Of no column is it known what it measures: name one."


def _part(column: str, finding: "Finding", alpha: float) -> str:
    effect = finding.effect
    if effect is None:
        return f"{column}: {finding.statistic}" if finding.statistic else ""
    return f"{column} {_moved(effect)}{_follows(finding, alpha)}"


def _moved(effect: Effect) -> str:
    """Return in how many runs it is worse, and by how much in the median run."""
    a, b = effect.generations
    side = "higher" if effect.sign > 0 else "lower"
    if effect.runs == 1:
        way = "rose" if effect.change > 0 else "fell" if effect.change < 0 else "stayed"
        return f"{way} in the one run, from {effect.first:.4g} to {effect.last:.4g}"
    dead = f" ({many(effect.died, 'run')} died)" if effect.died else ""
    return (
        f"is {side} at generation {b} than at generation {a} in {effect.worse} of {effect.runs} "
        f"runs{dead}: median {effect.last:.4g} after {effect.first:.4g}, {_size(effect)}"
    )


def _size(effect: Effect) -> str:
    level = f"{100 * (effect.confidence or 0):.4g} % interval"
    ratio = effect.ratio is not None
    found = (
        (effect.ratio, effect.ratio_low, effect.ratio_high)
        if ratio
        else (effect.change, effect.change_low, effect.change_high)
    )
    middle, low, high = (f"{value:.3g}" for value in found)
    return f"median {'ratio' if ratio else 'change'} {middle} ({level} {low} to {high})"


def _follows(finding: "Finding", alpha: float) -> str:
    """Return the p-value and what it says at alpha, of the move and not of a limit."""
    if finding.basis in ("theorem", "fact"):
        return f"; {finding.name} {finding.verdict} by a {finding.basis}"
    if finding.p_value is None or finding.opposite is None:
        return ""
    what = "a fall" if finding.effect and finding.effect.sign < 0 else "a rise"
    if " times that of" in finding.null:
        what += " below that share" if what == "a fall" else " above that multiple"
    p, way = finding.p_value, "shown" if finding.p_value <= alpha else "not shown"
    if finding.opposite <= alpha < p:
        p, way = finding.opposite, "excluded"
    return f"; p = {p:.2g}, so {what} is {way} at alpha = {alpha:g}"
