"""
Where does one run lie?
=======================

A theorem about an expectation says little of one run. Refit a Gaussian to 10 of its own rows,
again and again: the expected variance falls like (1 - 1/n)^t, and nearly every run far below it.
The mean is carried by so few runs that a mean of 100 of them misses it by far. The law of one run
is exact too, and its band holds: 5 % of the runs are above it and 5 % below.

Read on: :doc:`the expectation </reference/ledger/gaussian/replace/variance>`, and :doc:`the law
of one run </reference/ledger/gaussian/replace/log-variance-law>`.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import modelcollapse as mc

ROWS, GENERATIONS = 10, 60
SHOWN = 12  # single runs
ORANGE = "#d55e00"


def draw(replicates=20_000):
    """Draw single runs of the variance under replace, most of which fall far below their
    expectation.

    With the exact band of 90 % of the runs, their median, and the means of 100 and of all runs.
    """
    loop = mc.Experiment(mc.Gaussian(), mc.Replace(), ROWS, GENERATIONS)
    prediction = mc.predict(loop)
    runs = mc.simulate(loop, replicates, seed=0)["variance"]
    t = np.arange(1, GENERATIONS + 1)
    laws = prediction.laws["log_variance"]
    low, median, high = np.exp([law.quantile([0.05, 0.5, 0.95]) for law in laws]).T

    figure, axis = plt.subplots(figsize=(6, 4.6), layout="constrained")
    axis.fill_between(t, low, high, color=ORANGE, alpha=0.18, lw=0)
    axis.plot(t, runs[:SHOWN].T, color="0.55", lw=0.6)
    axis.plot(t, prediction["variance"], color=ORANGE, lw=2)
    axis.plot(t, median, "--", color=ORANGE, lw=1.5)
    some = np.arange(4, GENERATIONS, 8)
    few = runs[:100].mean(axis=0)
    axis.plot(t[some], few[some], "s", color="black", mfc="white", ms=5)
    axis.plot(t[some], runs.mean(axis=0)[some], "o", color="black", ms=4)
    ends = {
        f"expectation, and the mean\nof {replicates:,} runs (dots)": 8 * prediction["variance"][-1],
        "mean of 100 runs\n(squares)": few[-1] / 2,
        "median": median[-1],
    }
    for words, value in ends.items():
        axis.text(GENERATIONS + 1.5, value, words, va="center", fontsize=9)
    inside = 100 * ((runs >= low) & (runs <= high)).mean()
    axis.text(
        2, low[-1], f"band: 90 % of all runs, exactly\n({inside:.1f} % of these)", color=ORANGE
    )
    axis.set(yscale="log", xlim=(0, GENERATIONS * 1.62), ylim=(low[-1] / 3, 5))
    axis.spines["bottom"].set_bounds(0, GENERATIONS)
    axis.set(xlabel="generation t", ylabel=r"variance, $v_t/\sigma_0^2$, under replace")
    axis.set_xticks(range(0, GENERATIONS + 1, 10))
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
