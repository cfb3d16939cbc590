"""What a type checker knows of experiments: mypy reads this file, and nothing runs it.

An ignored error that is none would be an error itself.
"""

from dataclasses import replace
from typing import Any, assert_type

import modelcollapse as mc
from modelcollapse._support.checks import Floats
from modelcollapse.families.discrete.truth import Categorical
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.truth import Truth
from tests.helpers.theirs import Uniform

experiment = mc.Experiment(mc.Gaussian(), mc.Replace())
assert_type(experiment.model, mc.Gaussian)
assert_type(mc.Experiment(Uniform(), mc.Replace()).model, Uniform)
assert_type(experiment.truth, Truth)
assert_type(mc.Experiment(mc.Discrete(3), mc.Replace(), truth=[0.2, 0.3, 0.5]).truth, Categorical)
assert_type(replace(experiment, truth=None, samples=9).truth, Truth)
prediction = mc.predict(experiment)
assert_type(prediction["variance"], Floats)
assert_type(prediction.variances["variance"], Floats)
assert_type(prediction.limits["variance"], float)
assert_type(prediction.fates["variance"], Fate)
assert_type(mc.simulate(experiment)["variance"], Floats)
assert_type(mc.described(experiment), dict[str, Any])
assert_type(mc.Prediction.from_dict(prediction.to_dict()), mc.Prediction)
assert_type(mc.theorems()[0], mc.Theorem)
assert_type(mc.theorems()[:2], list[mc.Theorem])
assert_type(mc.verify_all()[0], mc.Verdict)

monitor = mc.Monitor("loss", margin=0.1, range=(0, 5), fresh=False)
assert_type(monitor.update(1, losses=[1.0, 2.0]), mc.MonitorStatus)
assert_type(monitor.stop_rule(len)([1.0, 2.0], 2), bool)
mc.Monitor("losses", margin=0.1, range=(0, 5), fresh=False)  # type: ignore[arg-type]

mc.Experiment(3, mc.Replace())  # type: ignore[type-var]
mc.Experiment(mc.Gaussian(), 3)  # type: ignore[arg-type]
mc.Experiment(model=3, workflow=mc.Replace())  # type: ignore[type-var]
