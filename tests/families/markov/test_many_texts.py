"""The law of many texts, and the picture of it."""

import numpy as np
import pytest
import scipy.stats

import modelcollapse as mc
from modelcollapse.reproduce.figures import language_by_counts as picture

# Of loops of another language of 8 words, row by row, 3,200 texts a batch: excess over k/2n.
ELSEWHERE = {
    "replace": [1.02, 2.08, 3.08, 4.15, 5.21, 6.28, 7.26, 8.27, 9.30, 10.31],
    "accumulate": [1.01, 1.26, 1.37, 1.43, 1.47, 1.49, 1.51, 1.52, 1.54, 1.54],
}


@pytest.mark.parametrize("workflow", picture.WORKFLOWS, ids=repr)
def test_the_law_of_many_texts(workflow, seed):
    """Within 5 % at 3,200 texts: 4 or more standard errors beyond the 2 % that it is off.

    Half a sum of 71 squares has the relative deviation 0.17, and 1,000 loops 0.005.
    """
    found = picture.measured(workflow, 3200, 1000, seed)
    assert picture.language().parameters == 71
    assert not found.infinite.any()
    assert found.ratio == pytest.approx(found.law, rel=0.05)
    assert found.ratio == pytest.approx(ELSEWHERE[workflow.name], rel=0.07)


def test_the_law_of_single_loops(seed):
    """A chi-square of 71 degrees of freedom, but for chance and for the 2 % that n leaves.

    Its deviation is .17 of its mean, so that 2 % of that move its distribution by .05.
    """
    truth, loops, T = picture.language(), 400, 3
    for workflow, other in (picture.WORKFLOWS, picture.WORKFLOWS[::-1]):
        e = mc.Experiment(mc.Markov(picture.WORDS), workflow, 3200, T, truth=truth)
        found = np.sort(mc.simulate(e, loops, seed, at=[T])["excess"][:, 0])
        bound = np.sqrt(np.log(2 / 1e-9) / 2 / loops) + 0.05

        def distance(law, found=found):
            steps = np.arange(loops + 1) / loops
            return max(
                abs(law.cdf(found) - steps[1:]).max(), abs(law.cdf(found) - steps[:-1]).max()
            )

        k = truth.parameters
        own, wrong = (mc.solver.excess_law(w, e.sizes, k)[-1] for w in (workflow, other))
        few = scipy.stats.gamma(1, scale=own.mean())
        assert distance(own) < bound
        assert min(distance(wrong), distance(few)) > bound


def test_few_texts_leave_the_law(seed):
    """At 200 texts it is a tenth off, and under replace most loops lose a transition."""
    replace = picture.measured(mc.Replace(), 200, 1000, seed)
    assert replace.ratio[3] > 1.05 * replace.law[3]
    assert replace.infinite[-1] > 0.5
    assert np.all(np.diff(replace.infinite) >= 0)  # what is lost stays lost
    assert picture.measured(mc.Accumulate(), 200, 1000, seed).infinite[-1] < 0.1


def test_the_picture(tmp_path):
    """It is drawn, and its numbers are printed."""
    picture.draw(tmp_path / "law.png", replicates=20)
    assert (tmp_path / "law.png").read_bytes()[:4] == b"\x89PNG"
    assert "replace, 200 texts, infinite: 0.0" in picture.table(replicates=20)
    with pytest.raises(mc.InvalidInput, match="path"):
        picture.draw(tmp_path / "nowhere" / "law.png")
