"""
Which bandwidths?
=================

A bandwidth acts twice: it shapes the density that is scored, and the noise in the next rows. So
the rules of thumb, which are good for the first fit, are not for the loop: the best schedule,
found by differentiating the exact error through it, begins with less blur and pays for it early.
The means of the simulated runs lie within their chance errors, some 5 %, of the exact lines.

Read on: :doc:`bandwidths </bandwidths>`, and :doc:`the theorems and proofs of kernel densities
</family-kde>`.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import modelcollapse as mc

ROWS, GENERATIONS = 100, 20
RECORDED = (1, 2, 4, 7, 12, 20)
WORKFLOWS = (mc.Replace(), mc.AccumulateSubsample(), mc.Accumulate())
STYLES = {"best": ("#0072b2", "-", 2.2), "Scott": ("#d55e00", "--", 1.4), "0.1": ("0.5", ":", 1.8)}


def trained_on(workflow, generations):
    """Return how many rows each generation's density is estimated from."""
    rng = np.random.default_rng(0)
    each = (workflow.training_rows([ROWS] * t, rng) for t in range(1, generations + 1))
    return np.array([len(rows) for rows in each])


def draw(replicates=400, generations=GENERATIONS):
    """Draw bandwidths by generation on the left and the exact errors that they lead to on the
    right.

    A row each for replace, accumulate-subsample and accumulate, with the best schedule, Scott's
    rule, and 0.1.
    """
    figure, axes = plt.subplots(
        3, 2, figsize=(6, 7.6), sharex=True, sharey="col", layout="constrained"
    )
    t, at = np.arange(1, generations + 1), [s for s in RECORDED if s <= generations]
    for line, workflow in zip(axes, WORKFLOWS, strict=True):
        best = mc.optimal_bandwidths(None, workflow, ROWS, generations).bandwidths
        scott = trained_on(workflow, generations) ** -0.2
        rules = {"best": best, "Scott": scott, "0.1": np.full(generations, 0.1)}
        for name, widths in rules.items():
            colour, dashes, width = STYLES[name]
            loop = mc.Experiment(mc.KDE(list(widths)), workflow, ROWS, generations)
            error = mc.simulate(loop, replicates, 0, at, extra=["mise"])["mise"].mean(axis=0)
            style = {"color": colour, "ls": dashes, "lw": width, "label": name}
            line[0].plot(t, widths, **style)
            line[1].plot(t, mc.predict(loop)["mise"], **style)
            line[1].plot(at, error, "o", color=colour, ms=3.5)
        line[0].set_ylabel(f"{workflow.name}\nbandwidth $h_t$")
        line[1].set_ylabel(r"error, $E\int(p_t-p_0)^2$")
    for letter, axis in zip("abcdef", axes.flat, strict=True):
        axis.set(xscale="log", yscale="log")
        axis.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        axis.minorticks_off()
        axis.set_title(letter, loc="left", fontweight="bold")
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[:, 1]:
        axis.set_yticks([0.01, 0.03, 0.1], ["0.01", "0.03", "0.1"])
    for axis in axes[:, 0]:
        axis.set_yticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
    for axis in axes[-1]:
        axis.set_xlabel("generation t")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
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
