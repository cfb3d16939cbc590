"""How a diagnosis is shown: as a data frame, in a line, in a notebook and as a picture."""

from dataclasses import fields
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

import modelcollapse as mc
from modelcollapse.diagnosis.effects import Effect

FOUND = mc.diagnose(mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 20), 50))


def test_a_diagnosis_is_a_row_per_finding():
    """In the paper's order, without the tests."""
    table = FOUND.to_frame()

    apart = ("evidence", "effect")
    own = [f.name for f in fields(mc.Finding) if f.name not in apart]
    moved = [f.name for f in fields(Effect) if f.name != "generations"]
    assert table.columns == own + moved
    for name in own:
        assert table[name].to_list() == [getattr(finding, name) for finding in FOUND]
    for name in moved:
        assert table[name].to_list() == [getattr(one.effect, name, None) for one in FOUND]
    assert FOUND.to_frame("pyarrow")["name"].to_pylist() == list(FOUND.verdicts)


def test_a_diagnosis_in_a_line():
    """What was diagnosed, and the summary; a finding says what it rests on."""
    assert repr(FOUND) == f"Diagnosis({FOUND.source}: {FOUND.summary})"
    finding = FOUND["any_risk"]
    assert repr(finding) == f"Finding(any_risk: holds by a theorem: {finding.reason})"
    assert " by a" not in repr(FOUND["scaling_law"])


def test_a_diagnosis_in_a_notebook():
    """A row for each definition, with its verdict, and the notes."""
    text = FOUND._repr_html_()
    tree = ET.fromstring(text)  # noqa: S314 - of this package
    head, *rows = ([cell.text or "" for cell in row] for row in tree.iter("tr"))

    assert head[:3] == ["number", "definition", "verdict"]
    assert [row[1:3] for row in rows] == [[f.definition, f.verdict] for f in FOUND]
    assert tree.find("p").text == f"{FOUND.source}: {FOUND.summary}"


def test_a_picture_of_a_diagnosis():
    """A dot for each definition, in the column of its verdict."""
    axis = FOUND.plot(given := Figure().subplots())
    names = [tick.get_text() for tick in axis.get_xticklabels()]
    drawn = {dot.get_ydata()[0]: names[dot.get_xdata()[0]] for dot in axis.get_lines()}

    assert axis is given
    assert [drawn[y] for y in range(8)] == [finding.verdict for finding in FOUND]
    titles = [tick.get_text() for tick in axis.get_yticklabels()]
    assert titles == [finding.definition for finding in FOUND]
    assert axis.get_ylim() == (7.5, -0.5)
