"""A family of another package: predicted, simulated, verified, swept and diagnosed."""

import numpy as np
import polars as pl
import pytest

import modelcollapse as mc
from modelcollapse.families import names
from modelcollapse.ledger.claims import Design, MeanClaim
from modelcollapse.ledger.values import constant, quantity
from modelcollapse.sweep import Sweep, read, run
from modelcollapse.testing import assert_law
from tests.helpers.theirs import Uniform


def loop(**changes):
    """Return a loop of the other package's family."""
    return mc.Experiment(Uniform(), mc.Replace(), 9, 5, **changes)


def test_it_is_predicted_and_simulated(seed):
    """By its own modules; what it does not know is open, and what it refuses is refused."""
    p, runs = mc.predict(loop(truth=2.0)), mc.simulate(loop(truth=2.0), 4000, seed)

    assert p["upper"] == pytest.approx(2 * 0.9 ** np.arange(1, 6))
    assert_law(runs["upper"][:, 0], lambda x: np.clip(x / 2, 0, 1) ** 9)
    with pytest.raises(mc.NoClosedForm, match="upper"):
        p.laws["upper"]
    with pytest.raises(mc.InvalidInput, match="Uniform is for Replace"):
        mc.Experiment(Uniform(), mc.Accumulate(), 9, 5)


def test_it_is_verified(seed):
    """Its loop against its prediction, and a theorem about it with near misses."""
    verdicts = mc.verify_experiment(loop(), seed=seed)
    claim = MeanClaim(
        Design(loop, 20_000),
        quantity("upper", 5),
        constant(0.9**5),
        constant((9 / 11) ** 5 - 0.81**5),
        {"one generation": constant(0.9**4)},
    )
    own = mc.Theorem("uniform/replace/upper", "", "", "theirs", "", "law", "", claim)

    assert [(v.slug, v.verdict) for v in verdicts] == [("uniform/replace/upper", "holds")]
    assert mc.verify(own, seed=seed).verdict == "holds"


def test_it_is_diagnosed():
    """Its fate decides, where a role is given to its quantity."""
    found = mc.diagnose(mc.simulate(loop(), 50), variance="upper")
    assert found["variance_collapse"].verdict == "holds"
    assert found["variance_collapse"].basis == "theorem"


def test_it_is_swept(tmp_path, monkeypatch):
    """Once it has a name; a name that is taken is refused."""
    monkeypatch.setattr(names, "FAMILIES", dict(names.FAMILIES))
    names.register("uniform", ("theta",), lambda _: Uniform(), lambda given: given.get("theta"))
    sweep = Sweep.of(
        {
            "model": {"family": "uniform", "theta": [1.0, 3.0]},
            "workflow": {"name": "replace"},
            "samples": 9,
            "generations": 3,
            "replicates": 20,
        }
    )
    run(sweep, tmp_path)
    frame = read(tmp_path).filter(pl.col.generation == 3).sort("theta")

    assert frame["expected"].to_list() == pytest.approx([0.729, 3 * 0.729])
    with pytest.raises(mc.InvalidInput, match="name = 'kde' is not valid"):
        names.register("kde", (), lambda _: Uniform(), lambda _: None)


def test_a_model_that_lacks_something_is_refused():
    """The message says what a model has to have."""

    class Bare:
        dim = 1

    with pytest.raises(
        mc.InvalidInput, match="it has no as_truth, check, described, theory, simulation"
    ):
        mc.Experiment(Bare(), mc.Replace())
