"""Lists of theorems and of verdicts as data frames."""

from dataclasses import fields

import modelcollapse as mc

KEPT = "gaussian/keep-real/*"


def test_theorems_are_a_list_and_a_table():
    """It adds, slices and compares as a list; the table has a row for each, without the claim."""
    found = mc.theorems(KEPT)
    table = found.to_frame()

    assert isinstance(found, list)
    assert found == list(found)
    assert [*found[:1], *found[1:]] == found[:1] + found[1:] == found
    assert table.columns == [*(f.name for f in fields(mc.Theorem) if f.name != "claim"), "expected"]
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
