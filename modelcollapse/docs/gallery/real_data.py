"""
How much real data is enough?
=============================

Each generation is fitted to as many real rows as sampled ones, and the real rows have a weight w
of your choice. The error at which the loop settles is known exactly. Fresh real rows can make it
better than real rows alone (below 1): at the best weight, the star, the error equals the weight.
Real rows that are kept cannot. For either a small weight is enough to keep the loop bounded, and
below 2.4 % this one, on exponential data, diverges.

Read on: :doc:`how much real data </real-data>`, where ``modelcollapse advise`` answers for your
numbers.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import modelcollapse as mc

ROWS = 20  # real ones and sampled ones, each
GENERATIONS = 40
FRESH, KEPT = "#e69f00", "#56b4e9"


def draw(replicates=2_000):
    """Draw the limiting error against the weight on real rows, fresh or kept, with the best
    weight.

    Below a weight of 2.4 % the loop diverges; fresh rows go below the error of real rows alone,
    and kept ones do not.
    """
    loops = {
        "fresh each time": (lambda w: mc.FreshData(ROWS, ROWS, w), FRESH, "o"),
        "the first ones, kept": (mc.KeepReal, KEPT, "s"),
    }
    figure, axis = plt.subplots(figsize=(6, 4.4), layout="constrained")
    edge = float(mc.mixed.critical_share(1 / ROWS))  # of exponential data
    weights, some = np.geomspace(1.02 * edge, 0.99, 60), (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
    for name, (workflow, colour, mark) in loops.items():
        limits = [
            mc.predict(mc.Experiment(mc.Gamma(), workflow(w), ROWS, 2)).limits["squared_error"]
            for w in weights
        ]
        ends = []
        for w in some:
            loop = mc.Experiment(mc.Gamma(), workflow(w), ROWS, GENERATIONS)
            ends.append(mc.simulate(loop, replicates, 0, at=[GENERATIONS])["squared_error"].mean())
        axis.plot(weights, ROWS * np.array(limits), color=colour, label=name)
        axis.plot(some, ROWS * np.array(ends), mark, color=colour, ms=5)
    best = float(mc.mixed.optimal_weight(ROWS, ROWS, curvature=1.0))
    risk = float(mc.mixed.fresh_inflation(ROWS, ROWS, best, curvature=1.0))
    axis.plot(best, risk, "*", color=FRESH, mec="black", ms=13, label=f"best weight, {best:.2f}")
    axis.axhline(1, color="0.5", lw=1, ls=":")
    axis.text(1.1 * edge, 0.96, "real rows alone", color="0.4", va="top")
    axis.axvspan(0.018, edge, color="0.9", lw=0)
    axis.text(edge * 0.97, 2, "diverges", color="0.4", rotation=90, ha="right")
    axis.set(xscale="log", yscale="log", xlim=(0.018, 1.05), ylim=(0.45, 40))
    axis.set_xlabel("weight w on the real rows")
    axis.set(ylabel=r"limiting error of the mean, $n\,E(m_\infty-\mu_0)^2/\sigma_0^2$")
    axis.set_xticks([0.02, 0.05, 0.1, 0.2, 0.5, 1], ["2 %", "5 %", "10 %", "20 %", "50 %", "100 %"])
    axis.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    axis.minorticks_off()
    axis.legend(title=f"{ROWS} real and {ROWS} sampled rows; the real ones:", frameon=False)
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
