"""
What does a budget of training rows cost?
=========================================

Everything is kept, and each model is trained on k rows drawn from it. With k = n, the rows that
one generation brings, the error of many rows settles at 2.93 times that of real rows alone,
against 1.64 if all is used (with the 20 rows drawn here 2.77 and 1.60); doubling the budget about
halves what it costs beyond that. The number of generations hardly matters, so a small budget is a
price, and no collapse.

Read on: :doc:`the figure budget of the reproduction </reproduction>`, and :doc:`all workflows
</workflows>`.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import modelcollapse as mc

ROWS = 20  # new ones per generation
BUDGETS = (5, 10, 20, 40, 100)
RECORDED = (1, 2, 4, 8, 16, 32)


def draw(replicates=2_000):
    """Draw the error by generation for five budgets, and its end against the budget below.

    The smaller the budget, the higher the error, which settles with each of them.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6, 7.4), sharey=True, layout="constrained")
    last, t = RECORDED[-1], np.arange(1, RECORDED[-1] + 1)
    ends, shades = [], plt.colormaps["Greens"](np.linspace(0.45, 1, len(BUDGETS)))
    for budget, colour in zip(BUDGETS, shades, strict=True):
        loop = mc.Experiment(mc.Gaussian(), mc.AccumulateSubsample(budget), ROWS, last)
        error = ROWS * mc.predict(loop)["squared_error"]
        runs = mc.simulate(loop, replicates, seed=0, at=RECORDED)["squared_error"]
        top.plot(t, error, color=colour)
        top.plot(RECORDED, ROWS * runs.mean(axis=0), "o", color=colour, ms=4)
        words = "k = n" if budget == ROWS else f"{budget / ROWS:g} n"
        top.text(last * 1.08, error[-1], words, color=colour, va="center")
        bottom.plot(budget, ROWS * runs[:, -1].mean(), "o", color=colour, ms=5)
        ends.append(error[-1])
    bottom.plot(BUDGETS, ends, color="#009e73", zorder=0)
    everything = mc.Experiment(mc.Gaussian(), mc.Accumulate(), ROWS, last)
    whole = ROWS * mc.predict(everything)["squared_error"]
    top.plot(t, whole, "--", color="#0072b2")
    top.text(last * 1.08, whole[-1], "all", color="#0072b2", va="top")
    bottom.axhline(whole[-1], color="#0072b2", ls="--")
    bottom.text(BUDGETS[0], whole[-1] * 0.97, "accumulate: all rows", color="#0072b2", va="top")
    top.set(xscale="log", xlim=(0.95, 55), xlabel="generation t")
    bottom.set(xscale="log", xlabel=f"budget k, rows per fit (n = {ROWS}), generation {last}")
    top.set_xticks(RECORDED, map(str, RECORDED))
    bottom.set_xticks(BUDGETS, map(str, BUDGETS))
    for letter, axis in zip("ab", (top, bottom), strict=True):
        axis.set(yscale="log", ylabel=r"error, $n\,E(m_t-\mu_0)^2/\sigma_0^2$")
        axis.set_yticks([1, 2, 3, 5, 8], ["1", "2", "3", "5", "8"])
        axis.minorticks_off()
        axis.set_title(letter, loc="left", fontweight="bold")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    pictures = sys.argv[1:]
    try:
        for picture in pictures:  # empty ones, before the work
            plt.figure().savefig(picture, format=picture.rpartition(".")[2])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{picture} cannot be written: {error}; give one such as a.png\n")
        sys.exit(2)
    figure = draw()
    for picture in pictures:
        figure.savefig(picture)
    if not pictures:
        plt.show()
