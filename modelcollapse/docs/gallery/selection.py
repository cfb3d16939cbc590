"""
What does selection do?
=======================

Keep the better rows of what a model writes, train on them, and repeat: the reward rises. What
becomes of the spread depends on how sharp the choice is. If rows accumulate, the better of 2
leaves a variance that settles, the best of 3 or more lets it grow for ever, as later rows lie
further and further from the earlier ones, and the upper three quarters of the rows make it
vanish. Under replace the gain ends where the variance does.

The variance is exact at every n and t. Of the gain the lines are proved upper bounds.

Read on: :doc:`the theorems of selection </ledger>`, and :doc:`how to select </tutorial>`.
"""

import sys

import matplotlib.pyplot as plt

import modelcollapse as mc

RULES = {
    "best of 5": (mc.BestOf(5), "#882255"),
    "best of 3": (mc.BestOf(3), "#cc79a7"),
    "all rows": (None, "0.35"),
    "better of 2": (mc.BestOf(2), "#e69f00"),
    "upper 3/4": (mc.KeepTop(0.75), "#56b4e9"),
}
ROWS = 20  # per generation
RECORDED = (1, 2, 3, 5, 8, 12, 18, 27, 40)


def draw(replicates=2_000):
    """Draw variances that grow, settle or vanish by generation, by how rows are selected, and
    gains below.

    Two panels: the variance under accumulate for five rules, and the reward's gain for the better
    of two under replace, where it ends, and accumulate, where it goes on.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6, 7.4), sharex=True, layout="constrained")
    for name, (rule, colour) in RULES.items():
        loop = mc.Experiment(mc.Gaussian(), mc.Accumulate(), ROWS, RECORDED[-1], sampling=rule)
        expected = mc.predict(loop)["variance"]
        runs = mc.simulate(loop, replicates, seed=0, at=RECORDED)
        top.plot(range(1, len(expected) + 1), expected, color=colour)
        top.plot(RECORDED, runs["variance"].mean(axis=0), "o", color=colour, ms=4)
        top.text(RECORDED[-1] * 1.08, expected[-1], name, color=colour, va="center")
    top.set(yscale="log", ylabel=r"variance, $E\,v_t/\sigma_0^2$, under accumulate")
    top.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])

    for workflow, colour in ((mc.Replace(), "#d55e00"), (mc.Accumulate(), "#0072b2")):
        loop = mc.Experiment(
            mc.Gaussian(), workflow, ROWS, RECORDED[-1], sampling=RULES["better of 2"][0]
        )
        bound = mc.predict(loop)["reward_gain_upper"]
        gain = mc.simulate(loop, replicates, seed=0, at=RECORDED)["reward_gain"].mean(axis=0)
        bottom.plot(range(1, len(bound) + 1), bound, color=colour)
        bottom.plot(RECORDED, gain, "o", color=colour, ms=4)
        bottom.text(RECORDED[-1] * 1.08, gain[-1], workflow.name, color=colour, va="center")
    bottom.set(ylabel=r"gain, $E(m_t-\mu_0)/\sigma_0$, better of 2", ylim=(0, None))
    for letter, axis in zip("ab", (top, bottom), strict=True):
        axis.set(xscale="log", xlim=(0.95, 75))
        axis.set_xticks([1, 2, 5, 10, 20, 40], ["1", "2", "5", "10", "20", "40"])
        axis.minorticks_off()
        axis.set_title(letter, loc="left", fontweight="bold")
        axis.spines[["top", "right"]].set_visible(False)
    bottom.set_xlabel("generation t")
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
