"""
What is the test loss of a top-hat kernel?
==========================================

Infinite, in expectation, from generation 1 on, at every bandwidth and number of rows: a fresh row
lies outside of all n balls with positive probability, and has the density 0 there. A single run
may be lucky with few test rows. So the mean of a sweep over bandwidths shows which runs were
lucky, and no more.

How often a fresh row is missed is what can be compared. In generation 1 its probability is an
integral, the cross. Later it is simulated: under replace more and more of the truth is lost,
under accumulate less.

Read on: ``mc.predict(loop).fates["test_log_loss"]``, and :doc:`proofs </family-kde>`.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

import modelcollapse as mc

ROWS, RECORDED = 100, (1, 2, 4, 8, 16, 30)
BANDWIDTHS = (0.05, 0.2)
WORKFLOWS = {
    "#d55e00": mc.Replace(),
    "#009e73": mc.AccumulateSubsample(),
    "#0072b2": mc.Accumulate(),
}


def first(bandwidth):
    """Return the exact probability that a fresh row of N(0, 1) is in none of the first balls."""
    x = np.linspace(-9, 9, 4001)
    inside = norm.cdf(x + bandwidth) - norm.cdf(x - bandwidth)
    return np.trapezoid(norm.pdf(x) * (1 - inside) ** ROWS, x)


def draw(replicates=400):
    """Draw the share of fresh rows that no top-hat covers, by generation, for two bandwidths.

    It grows under replace, rises at first under accumulate-subsample, and falls under accumulate;
    lines join the shares of simulated runs.
    """
    figure, axes = plt.subplots(2, 1, figsize=(6, 6.4), sharex=True, layout="constrained")
    for letter, axis, h in zip("ab", axes, BANDWIDTHS, strict=True):
        for colour, workflow in WORKFLOWS.items():
            loop = mc.Experiment(mc.KDE(h, "tophat"), workflow, ROWS, RECORDED[-1])
            # One fresh row a run: its loss is infinite where the density is 0.
            runs = mc.simulate(loop, replicates, 0, RECORDED, test=1)["test_log_loss"]
            missed = np.isposinf(runs).mean(axis=0)
            axis.plot(RECORDED, missed, "o-", color=colour, ms=4, lw=1)
            axis.text(RECORDED[-1] * 1.1, missed[-1], workflow.name, color=colour, va="center")
        least = mc.predict(loop)["test_log_loss"].min()
        axis.text(
            1, 0, f" expected test loss, all t: {least}".replace("inf", "infinite"), va="bottom"
        )
        axis.plot(1, first(h), "x", color="black", ms=9, mew=2, label="exact, generation 1")
        axis.set(xscale="log", xlim=(0.9, 110), ylim=(0, None), ylabel="rows missed, share")
        axis.set_xticks(RECORDED, map(str, RECORDED))
        axis.minorticks_off()
        axis.set_title(f"{letter}  bandwidth h = {h:g}", loc="left")
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("generation t")
    axes[0].legend(frameon=False, loc="upper left")
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
