"""Which column plays which role, and in which direction it gets worse."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from modelcollapse._support.errors import invalid, unknown

# For each role the names that the package's rooms use, in the order of preference. A minus says
# that the quantity gets worse as it falls. A variance always does.
KNOWN: dict[str, tuple[str, ...]] = {
    "risk": ("risk", "squared_error", "test_log_loss", "mise", "row_loss", "excess", "loss"),
    "variance": ("variance", "central_variance", "heterozygosity", "entropy_2"),
    "modes": ("absent", "lost_modes", "-modes"),
    "tail": ("tail_loss", "lost_tail", "-tail_mass"),
    "hallucinated": ("hallucinated", "-grammatical"),
}


@dataclass(frozen=True)
class Metric:
    """A column and the sign that makes "more" worse."""

    name: str
    sign: int = 1

    def __str__(self) -> str:
        return self.name if self.sign > 0 else f"-{self.name}"


def assign(
    given: Mapping[str, str | None],
    recorded: Collection[str],
    expected: Collection[str],
    proved: Collection[str],
) -> dict[str, Metric | None]:
    """Return the column of each role, or None.

    Parameters
    ----------
    given
        The columns that were asked for, by role.
    recorded
        The columns that there are.
    expected
        Quantities whose expectation is known, recorded or not; the second choice.
    proved
        Quantities of which any theorem is known.

    Raises
    ------
    InvalidInput
        If a column that was asked for does not exist; the message has the nearest names.
    """
    result: dict[str, Metric | None] = {}
    for role, known in KNOWN.items():
        asked = given.get(role)
        if asked is not None:
            result[role] = _asked(role, asked, recorded, proved)
            continue
        metrics = [_metric(name) for name in known]
        tiers = recorded, expected, proved
        result[role] = next((m for names in tiers for m in metrics if m.name in names), None)
    return result


def _asked(role: str, name: str, recorded: Collection[str], proved: Collection[str]) -> Metric:
    if not isinstance(name, str) or not name.strip("-"):
        raise invalid(role, name, "give the name of a column")
    everything = {*recorded, *proved}
    if name in everything:
        known = {m.name: m for m in map(_metric, KNOWN[role])}
        return known.get(name, Metric(name))
    metric = _metric(name)
    if metric.name not in everything:
        raise unknown(f"{role} column", metric.name, everything)
    if role == "variance" and metric.sign < 0:
        raise invalid(role, name, "a variance collapses as it falls; give its name without a minus")
    return metric


def _metric(name: str) -> Metric:
    return Metric(name[1:], -1) if name.startswith("-") else Metric(name)
