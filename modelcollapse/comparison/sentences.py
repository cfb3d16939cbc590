"""The numbers in words."""

from collections.abc import Mapping, Sequence

from modelcollapse.comparison.chance import Row

ROW = {"ratio": "x {}", "difference": "{}"}
MOST = 6  # lines that are told in full
COPIED = 0.5  # as many of the other rows that are real rows are told first


def amount(value: float) -> str:
    """Return a number of the table."""
    return f"{value:.3g}"


def same(rows: int) -> str:
    """Return what is said of the same rows twice."""
    return (
        f"Both hold the same {rows:,} rows, if in another order: nothing shrank, and nothing was "
        "tested. Rows of a model, or other real rows, can be compared."
    )


def sentences(
    rows: Sequence[Row], sizes: Mapping[str, int], alpha: float, margin: float, copied: float
) -> list[str]:
    """Return the answer, the lines that it rests on, and what the numbers are."""
    told = [_answer(rows, margin)]
    copies = any(r.group == "copies" and r.verdict == "differs" and r.effect > 0 for r in rows)
    if copied >= COPIED and copies:
        told.append(
            f"{100 * copied:.3g} % of the other rows are rows of the real ones: they are copies, "
            "not independent rows, and the p-values below do not hold for copies."
        )
    for word in ("shrank", "grew", "differs"):
        some = sorted((row for row in rows if row.verdict == word), key=lambda row: row.p)
        told += [_line(row) for row in some[:MOST]]
        if len(some) > MOST:
            told.append(f"{len(some) - MOST} more lines of the table say: {word}.")
    told.append(
        f"Measured against {sizes['reference']:,} real rows; {sizes['held_out']:,} more, held out, "
        f"show what honest rows give, beside {sizes['other']:,} of the other rows. If those were "
        "independent draws of the real rows' law, any line of the table would say otherwise with "
        f"probability at most {alpha:g}, all {len(rows)} lines together."
    )
    return told


def _answer(rows: Sequence[Row], margin: float) -> str:
    shrunk = {row.group: None for row in rows if row.verdict == "shrank"}
    unsure = {row.group: None for row in rows if row.verdict == "cannot tell"}
    others = {row.group: None for row in rows if row.verdict in ("differs", "grew")}
    if shrunk:
        return f"The other rows shrank: they lost {_all(shrunk)}."
    differ = f" They are not of the same law: {_all(others)}." if others else ""
    if unsure:
        return (
            f"No loss was found, but one of {100 * margin:g} % cannot be excluded in "
            f"{_all(unsure)}: more rows could tell.{differ}"
        )
    return f"The other rows did not shrink by {100 * margin:g} % or more in any line.{differ}"


def _all(names: Mapping[str, None]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _line(row: Row) -> str:
    real, other = amount(row.real), amount(row.other)
    effect = f"a factor of {amount(row.effect)}" if row.scale == "ratio" else amount(row.effect)
    if row.scale == "difference":
        effect = f"a difference of {effect}"
    if row.group == "columns":  # a distance from those rows
        return (
            f"{row.group.capitalize()} ({row.verdict}): {row.metric} ({row.where}) from honest "
            f"real rows is {other} ({amount(row.low)} to {amount(row.high)}), p = {amount(row.p)}."
        )
    return (
        f"{row.group.capitalize()} ({row.verdict}): {row.metric} ({row.where}) is {other} where "
        f"honest real rows have {real}, {effect} ({amount(row.low)} to {amount(row.high)}), p = "
        f"{amount(row.p)}."
    )
