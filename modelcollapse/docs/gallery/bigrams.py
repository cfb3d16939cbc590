"""
Does a language model follow the bigram's law?
==============================================

Count which word follows which, write texts with these frequencies, and count again: k parameters
lose (k/2n) c_t nats, to leading order, and c_t is a number of the workflow alone, as for a normal
mean. A bigram of 8 words (k = 71, 3,200 texts) does so within some per cent.

Below, the same law over a trained network: a small Gemma 2 on a grammar of 1,473 free
probabilities, 2,000 rows, as ``modelcollapse language --threads 1`` prints it. Its first loss is
above the law, as training leaves more than estimation does. What grows from there under replace
stays below the law: so few rows use only a part of the grammar.

Read on: :doc:`one law for all models </from-gaussians>`, and :doc:`language models </language>`.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import modelcollapse as mc

WORDS, TEXTS, GENERATIONS = 8, 3_200, 10
WORKFLOWS = {
    "#d55e00": mc.Replace(),
    "#009e73": mc.AccumulateSubsample(),
    "#0072b2": mc.Accumulate(),
}
PARAMETERS, ROWS = 1_473, 2_000  # of the grammar, and of the network's batches
NETWORK = {  # nats per row above the entropy, generations 1 to 4
    "replace": (0.50, 0.78, 0.87, 0.91),
    "accumulate-subsample": (0.50, 0.59, 0.64, 0.61),
    "accumulate": (0.50, 0.55, 0.63, 0.66),
}


def draw(replicates=100):
    """Draw the excess loss of a bigram, which is on the law of many rows, and of a network below.

    By generation, under replace, accumulate-subsample and accumulate.
    """
    rng = np.random.default_rng(0)
    start = rng.dirichlet(np.full(WORDS, 8.0))
    truth = mc.markov.Language(start, rng.dirichlet(np.full(WORDS + 1, 8.0), WORDS))
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6, 7.4), layout="constrained")
    for colour, workflow in WORKFLOWS.items():
        loop = mc.Experiment(mc.Markov(WORDS), workflow, TEXTS, GENERATIONS, truth=truth)
        excess = mc.simulate(loop, replicates, seed=0)["excess"].mean(axis=0)
        law = mc.solver.excess_loss(workflow, loop.sizes, parameters=truth.parameters)
        _pair(top, law, excess, workflow.name, colour)
        law = mc.solver.excess_loss(workflow, [ROWS] * 4, parameters=PARAMETERS)
        _pair(bottom, law, NETWORK[workflow.name], workflow.name, colour)
    titles = (f"a  a bigram, k = {truth.parameters}", f"b  a small Gemma 2, k = {PARAMETERS:,}")
    for axis, title in zip((top, bottom), titles, strict=True):
        axis.set(xlabel="generation t", ylabel="excess loss, nats per text", ylim=(0, None))
        axis.spines["bottom"].set_bounds(*axis.get_xticks()[[0, -1]])
        axis.set_title(title, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
    top.plot([], [], color="0.3", label=r"law of many rows, $(k/2n)\,c_t$")
    top.plot([], [], "o", color="0.3", ms=4, label="measured")
    top.legend(frameon=False)
    return figure


def _pair(axis, law, measured, name, colour):
    """Draw the law as a line, what was measured as dots, and the name beside its end."""
    t = np.arange(1, len(law) + 1)
    axis.plot(t, law, color=colour)
    axis.plot(t, measured, "o", color=colour, ms=4)
    axis.text(t[-1] + 0.02 * len(t), law[-1], f" {name}", color=colour, va="center")
    axis.set_xticks(t)
    axis.set_xlim(0.6, t[-1] * 1.45)


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
