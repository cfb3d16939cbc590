"""Which column plays which role, and in which direction it gets worse."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from modelcollapse._support.errors import invalid, unknown

SEPARATOR = re.compile(r"[\s/.-]+")
# For each role the names that the package's rooms use, and then those of others, in the order of
# preference. A minus says that the quantity gets worse as it falls. A variance always does.
ERRORS = ("val_loss", "validation_loss", "valid_loss", "test_loss", "nll", "mse", "perplexity")
SCORES = ("accuracy", "f1", "r2", "r2_score", "auc", "bleu", "rouge")
TRAINED = ("loss", "train_loss", "training_loss")  # of rows that the model was fitted to, mostly
KNOWN: dict[str, tuple[str, ...]] = {
    "risk": (
        *("risk", "squared_error", "test_log_loss", "mise", "row_loss", "excess", "eval_loss"),
        *(*ERRORS, "eval_perplexity", "cross_entropy", "eval_cross_entropy", "eval_nll"),
        *(*("eval_mse", "test_mse", "val_mse"), *("rmse", "mae", "log_loss")),
        *(f"-{part}{name}" for name in SCORES for part in ("eval_", "val_", "test_", "")),
        *TRAINED,
    ),
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
        result[role] = None
        for names in (recorded, expected, proved):
            there = {_usual(name): name for name in reversed(list(names))}
            metrics = [_metric(name) for name in known]
            found = (Metric(there[m.name], m.sign) for m in metrics if m.name in there)
            result[role] = result[role] or next(found, None)
    return result


def held_out(recorded: Collection[str]) -> str | None:
    """Return the column that is by its name a risk on rows that were not trained on, if any."""
    risk = assign({}, recorded, (), ())["risk"]
    return None if risk is None or _usual(risk.name) in TRAINED else risk.name


def remarks(metrics: Mapping[str, Metric | None], given: Mapping[str, str | None]) -> list[str]:
    """Return what has to be said of columns that were taken by their names."""
    risk = metrics["risk"]
    if given.get("risk") is not None or risk is None or _usual(risk.name) not in TRAINED:
        return []
    found = f"{risk.name!r} is taken as the risk: by its name it is of rows that were trained on"
    return [f"{found}, which says little; risk= (--risk) names a loss of held-out rows"]


def _asked(role: str, name: str, recorded: Collection[str], proved: Collection[str]) -> Metric:
    if not isinstance(name, str) or not name.strip("-"):
        raise invalid(role, name, "give the name of a column")
    everything = {*recorded, *proved}
    if column := _alike(name, everything):
        known = {m.name: m.sign for m in map(_metric, KNOWN[role])}
        return Metric(column, known.get(_usual(column), 1))
    metric = _metric(name)
    if not (column := _alike(metric.name, everything)):
        raise unknown(f"{role} column", metric.name, everything)
    if role == "variance" and metric.sign < 0:
        raise invalid(role, name, "a variance collapses as it falls; give its name without a minus")
    return Metric(column, metric.sign)


def _metric(name: str) -> Metric:
    return Metric(name[1:], -1) if name.startswith("-") else Metric(name)


def _alike(name: str, names: Collection[str]) -> str:
    """Return the column of a name, or the only one that differs in case alone, or nothing."""
    near = [one for one in names if one.casefold() == name.casefold()]
    return name if name in names else near[0] if len(near) == 1 else ""


def _usual(name: str) -> str:
    """Return a column's name as `KNOWN` has it: trackers write eval/loss, people Eval loss."""
    return SEPARATOR.sub("_", name.casefold())
