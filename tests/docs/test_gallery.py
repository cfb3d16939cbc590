"""The gallery: each of its scripts draws, in little time, with public names alone."""

import ast
import inspect
import re
import runpy
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt

import modelcollapse as mc
from tests.helpers.pages import README, ROOT

GALLERY = ROOT / "modelcollapse" / "docs" / "gallery"
SCRIPTS = sorted(GALLERY.glob("*.py"))
SMALL = {"bandwidths": {"replicates": 2, "generations": 2}}
WIDEST = 6  # inches: then text of 10 points can be read on a phone


@pytest.fixture(autouse=True)
def unseen():
    """Draw into no window, and leave no figure."""
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_draws(script):
    """Curves in each panel, which has its letter and names, and words in the picture's place."""
    draw = runpy.run_path(str(script))["draw"]
    figure = draw(**SMALL.get(script.stem, {"replicates": 10}))
    axes = figure.axes
    letters = [axis.get_title(loc="left")[:1] for axis in axes]

    assert figure.get_figwidth() <= WIDEST
    assert letters == ([*"abcdef"][: len(axes)] if len(axes) > 1 else [""])
    for axis in axes:
        assert axis.get_lines()
        assert axis.get_ylabel()
        assert axis.get_xlabel() or axis.get_shared_x_axes().joined(axis, axes[-1])
    assert len(" ".join(inspect.getdoc(draw).split())) > 60
    assert inspect.signature(draw).parameters["replicates"].default >= 100


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_uses_public_names(script):
    """Of the package it imports nothing but itself, and says a question and where to read on."""
    tree = ast.parse(script.read_text("utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            told = ast.unparse(node)
            assert "modelcollapse" not in told or told == "import modelcollapse as mc"
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")
            if ast.unparse(node.value) == "mc":
                names.add(node.attr)
        if isinstance(node, ast.Compare):  # a workflow is asked what it does, not what it is called
            assert not ast.unparse(node.left).endswith(".name")
    title, line = ast.get_docstring(tree).splitlines()[:2]

    assert names
    assert names <= set(dir(mc))
    assert title.endswith("?")
    assert line == "=" * len(title)
    for page in re.findall(r":doc:`[^<`]*</([^>`]*)>`", ast.get_docstring(tree)):
        slug = page.removeprefix("reference/ledger/")
        assert (GALLERY.parent / f"{page}.md").is_file() or mc.theorems(slug), page


def test_a_script_writes_a_file(tmp_path, monkeypatch):
    """As the gallery's first page says."""
    monkeypatch.setattr(sys, "argv", ["one_run.py", str(tmp_path / "picture.png")])
    runpy.run_path(str(GALLERY / "one_run.py"), run_name="__main__")

    assert plt.imread(tmp_path / "picture.png").std() > 0.05


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("picture", ["nowhere/a.png", "a.xyz", "--help", "a", "folder.png"])
def test_a_wrong_file_is_told_before_the_work(script, picture, tmp_path, monkeypatch, capsys):
    """In one line that names it, with exit status 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("folder.png").mkdir()
    monkeypatch.setattr(mc, "simulate", None)
    monkeypatch.setattr(sys, "argv", [script.name, picture])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(script), run_name="__main__")

    told = capsys.readouterr().err
    assert caught.value.code == 2
    assert told.startswith(f"{picture} cannot be written: ")
    assert told.endswith("; give one such as a.png\n")
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_the_rows_that_a_rule_of_bandwidths_sees():
    """All so far under accumulate, as many as a batch under the others."""
    script = runpy.run_path(str(GALLERY / "bandwidths.py"))
    counts = [script["trained_on"](workflow, 4) for workflow in script["WORKFLOWS"]]

    np.testing.assert_array_equal(counts, [[100] * 4, [100] * 4, [100, 200, 300, 400]])


def test_the_first_page_leads_to_the_gallery():
    """And the command that it gives is there."""
    page = (GALLERY / "README.rst").read_text("utf-8")
    (script,) = re.findall(r"python modelcollapse/docs/gallery/(\w+\.py) \w+\.png", page)

    assert "](modelcollapse/docs/gallery/README.rst)" in README.read_text("utf-8")
    assert GALLERY / script in SCRIPTS


def test_the_gallery_answers_its_questions():
    """What selection does, how much real data, one run's band, budgets, bigrams, bandwidths."""
    assert {path.stem for path in SCRIPTS} == {
        *("selection", "real_data", "one_run", "budgets", "bigrams", "bandwidths", "top_hat")
    }
