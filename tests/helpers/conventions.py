"""What estimators share, as the tests of each family ask for it."""

import re

import pytest

import modelcollapse as mc


def used(model):
    """Use a model with a wrong parameter: an experiment and a fit refuse it in the same words."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.Experiment(model, mc.Replace())
    with pytest.raises(mc.InvalidInput, match=re.escape(str(caught.value))):
        model.fit([[0.0], [1.0]])
    raise caught.value
