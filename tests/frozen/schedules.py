"""Workflows and batch sizes of the loops, as text."""

from itertools import pairwise

TENTHS = 10
LONG = (40, 200)  # generations of a few loops
LONGEST_TEXT = 8  # generations whose sizes or weights are listed one by one


def generations(dice, workflow):
    """Return the number of generations, mostly few."""
    listed = workflow in ("weighted", "own")  # all batches are remembered, which is dear
    if not listed and dice.chance(0.03):
        return dice.pick(*LONG)
    return dice.pick(1, 2, 3, 4, 4, 5, 5, 6, 8)


def sizes(dice, workflow, least, most, count):
    """Return batch sizes as text, and the first of them."""
    kind = dice.pick("number", "number", "list", "function")
    fresh = workflow in ("fresh-data", "web")
    if kind == "number" or (fresh and not dice.chance(0.1)):
        first = dice.whole(least, most)
        return str(first), first
    if kind == "list" and count <= LONGEST_TEXT:
        short = dice.chance(0.05) and count > 1
        listed = dice.wholes(count - short, least, most)
        return str(listed), listed[0]
    first = dice.whole(least, most)
    return f"Line({first}, {dice.pick(0, 1, 1, 2)})", first


def replace(dice, first, count):
    """Return Replace."""
    del dice, first, count
    return "mc.Replace()"


def accumulate(dice, first, count):
    """Return Accumulate."""
    del dice, first, count
    return "mc.Accumulate()"


def accumulate_subsample(dice, first, count):
    """Return a budget below, at or above the batch size, beyond all rows, or none."""
    below, above = max(1, first // 2), first + dice.whole(1, 4)
    budget = dice.pick(None, None, below, below, first, above, above, first * (count + 1))
    return f"mc.AccumulateSubsample({'' if budget is None else budget})"


def sliding_window(dice, first, count):
    """Return a window, up to longer than the loop."""
    del first
    return f"mc.SlidingWindow({dice.pick(1, 2, 2, 3, count + 2)})"


def keep_real(dice, first, count):
    """Return KeepReal with and without a share."""
    del first, count
    return dice.pick("mc.KeepReal()", f"mc.KeepReal({dice.real(0.05, 0.95)})")


def fresh_data(dice, first, count):
    """Return FreshData, pooled or with a weight."""
    del count
    real, synthetic = dice.whole(1, first + 2), dice.whole(1, first + 4)
    weight = dice.pick("", "", f", weight={dice.real(0.05, 0.95)}")
    return f"mc.FreshData({real}, {synthetic}{weight})"


def web(dice, first, count):
    """Return a web whose curves are numbers, sequences or functions."""
    kind = dice.pick("numbers", "sequences", "functions")
    if kind == "numbers" or (kind == "sequences" and count > LONGEST_TEXT):
        real = dice.pick(0, dice.whole(1, first + 2))
        return f"mc.Web({real}, {dice.whole(1, first + 4)})"
    if kind == "functions":
        line = f"Line({dice.whole(0, first)}, {dice.pick(0, 1)})"
        return f"mc.Web({line}, Line({dice.whole(1, first)}, {dice.pick(0, 1)}))"
    later = count - 1 - (dice.chance(0.05) and count > 1)
    real = tuple(dice.wholes(later, 0, first + 2))
    return f"mc.Web({real}, {tuple(dice.wholes(later, 1, first + 4))})"


def weighted(dice, first, count):
    """Return a matrix of weights in tenths, now and then with a row that does not sum to one."""
    del first
    rows = [_tenths(dice, t) for t in range(1, count + 1)]
    if dice.chance(0.04):
        rows[-1][0] += 0.1
    return f"mc.Weighted({rows})"


def _tenths(dice, count):
    """Return weights that sum to one, some of them zero."""
    cuts = sorted(dice.wholes(count - 1, 0, TENTHS))
    ends = [0, *cuts, TENTHS]
    return [(b - a) / TENTHS for a, b in pairwise(ends)]


def own(dice, first, count):
    """Return a workflow of one's own."""
    del count
    if dice.chance(0.05):
        return "Contradictory()"
    drip = f"Drip({dice.whole(1, first)}, {dice.whole(1, first + 2)}, {dice.real(0.1, 0.9)})"
    return dice.pick("Halving()", f"Fading({dice.real(0.1, 0.9)})", "Bootstrap()", drip)


WORKFLOWS = {
    "replace": replace,
    "accumulate": accumulate,
    "accumulate-subsample": accumulate_subsample,
    "sliding-window": sliding_window,
    "keep-real": keep_real,
    "fresh-data": fresh_data,
    "web": web,
    "weighted": weighted,
    "own": own,
}
