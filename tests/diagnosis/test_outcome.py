"""How a diagnosis is shown: as a data frame, in a line, in a notebook and as a picture."""

from dataclasses import fields

import modelcollapse as mc

FOUND = mc.diagnose(mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 20), 50))


def test_a_diagnosis_is_a_row_per_finding():
    """In the paper's order, without the tests."""
    table = FOUND.to_frame()

    assert table.columns == [f.name for f in fields(mc.Finding) if f.name != "evidence"]
    for name in table.columns:
        assert table[name].to_list() == [getattr(finding, name) for finding in FOUND]
    assert FOUND.to_frame("pyarrow")["name"].to_pylist() == list(FOUND.verdicts)
