"""Lists of theorems and of verdicts as data frames."""

import html
from dataclasses import fields, replace

from matplotlib.figure import Figure

import modelcollapse as mc

KEPT = "gaussian/keep-real/*"


def test_theorems_are_a_list_and_a_table():
    """It adds, slices and compares as a list; the table has a row for each, without the claim."""
    found = mc.theorems(KEPT)
    table = found.to_frame()

    assert isinstance(found, list)
    assert found == list(found)
    assert [*found[:1], *found[1:]] == found[:1] + found[1:] == found
    hidden = {"claim", "keywords"}
    shown = [f.name for f in fields(mc.Theorem) if f.name not in hidden]
    assert table.columns == [*shown, "expected"]
    for name in table.columns:
        assert table[name].to_list() == [getattr(theorem, name) for theorem in found]
    assert found.to_frame("pandas")["slug"].tolist() == [theorem.slug for theorem in found]


def test_verdicts_are_tables():
    """One row alone, and one for each of several; near misses are how many were rejected."""
    verdicts = mc.verify_all(KEPT)
    table, alone = verdicts.to_frame(), verdicts[-1].to_frame()

    assert len(table) == len(mc.theorems(KEPT))
    assert len(alone) == 1
    assert alone.columns == table.columns
    assert alone.row(0) == table.row(-1)
    for name in set(table.columns) - {"near_misses"}:
        assert table[name].to_list() == [getattr(verdict, name) for verdict in verdicts]
    assert table["near_misses"].to_list() == [v.near_misses_rejected for v in verdicts]
    assert {*table.columns} == {*verdicts[0].as_dict()} - {"near_statistics"}


def test_theorems_and_verdicts_in_a_line():
    """The slug, and the statement or what was decided."""
    (theorem,) = mc.theorems("gaussian/keep-real/pooled")
    verdict = mc.verify(theorem)

    assert repr(theorem) == f"Theorem({theorem.slug}: {theorem.statement})"
    assert repr(verdict).startswith(f"Verdict({theorem.slug}: holds, statistic ")
    assert " <= " in repr(verdict)
    assert " > " in repr(replace(verdict, statistic=1.0, threshold=0.5))


def test_theorems_and_verdicts_in_a_notebook():
    """A formula is one that a notebook sets; a list is a table."""
    theorems = mc.theorems(KEPT)
    text = theorems[0]._repr_html_()

    assert html.escape(f"${theorems[0].latex}$") in text
    assert theorems[0].slug in text
    for one in theorems:
        assert one.slug in theorems._repr_html_()
    assert "rejected 3/3" not in mc.verify(theorems[-1])._repr_html_()
    assert "3/3" in mc.verify(theorems[-1])._repr_html_()


def test_a_picture_of_a_verdict():
    """A dot for the claim and each near miss, at its statistic; a line at the threshold."""
    verdict = mc.verify("gaussian/replace/variance")
    axis = verdict.plot(given := Figure().subplots())
    *dots, threshold = axis.get_lines()
    statistics = [verdict.statistic, *verdict.near_statistics.values()]

    assert axis is given
    assert [dot.get_xdata()[0] for dot in dots] == statistics
    assert [dot.get_ydata()[0] for dot in dots] == list(range(len(statistics)))
    assert set(threshold.get_xdata()) == {verdict.threshold}
    names = [tick.get_text() for tick in axis.get_yticklabels()]
    assert [name.rpartition(":")[0] for name in names] == ["the claim", *verdict.near_statistics]
    colours = [dot.get_color() for dot in dots]
    assert colours[0] not in colours[1:]
    assert len(set(colours[1:])) == 1


def test_a_picture_of_a_verdict_on_a_logarithmic_axis():
    """Where the statistics span two decades, and are positive."""
    verdict = mc.verify("gaussian/replace/variance")
    verdict = replace(verdict, statistic=verdict.threshold)  # by chance it may be far below
    wide = replace(verdict, statistic=1e-6)
    zero = replace(verdict, statistic=0.0, near_statistics={})

    assert verdict.plot(Figure().subplots()).get_xscale() == "linear"
    assert wide.plot(Figure().subplots()).get_xscale() == "log"
    assert zero.plot(Figure().subplots()).get_xscale() == "linear"
