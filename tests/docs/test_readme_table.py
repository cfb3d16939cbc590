"""The tables of families and workflows say what the package does.

The README's is a small one, of some rows and columns; the page of workflows has them all.
"""

import pytest

import modelcollapse as mc
from modelcollapse.docs import ledger
from modelcollapse.ledger.coverage import (
    FAMILIES,
    GENERATIONS,
    MEANINGS,
    WORKFLOWS,
    coverage,
    experiment,
    known,
)
from tests.helpers.pages import README

FULL = ledger.PAGE.with_name("workflows.md")


def section(page):
    """Return a page from the table to the next heading."""
    return page.read_text(encoding="utf-8").split("<!-- families -->")[1].split("\n#")[0]


def table(page):
    """Return the cells of a page's table, by row, under its columns."""
    lines = [line for line in section(page).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return tuple(rows[0][1:]), {row[0]: tuple(row[1:]) for row in rows[2:]}


def test_the_table_is_what_predict_offers():
    """Every family and workflow is there, in this order, with the word that is computed."""
    columns, rows = table(FULL)

    assert columns == coverage().columns
    assert list(rows) == list(coverage().rows)
    assert rows == coverage().rows


def test_the_small_table_is_a_part_of_it():
    """Its rows and columns are some of those, in their order, with the words that are computed."""
    columns, rows = table(README)
    where = [coverage().columns.index(column) for column in columns]

    assert where == sorted(where)
    assert columns[:3] == ("replace", "accumulate", "accumulate-subsample")
    assert list(rows) == [row for row in coverage().rows if row in rows]
    for name, cells in rows.items():
        assert cells == tuple(coverage().rows[name][i] for i in where)


@pytest.mark.parametrize("page", [README, FULL], ids=lambda page: page.stem)
def test_the_words_are_explained(page):
    """Each word's meaning stands below the table, and no other word is used."""
    text = " ".join(section(page).split())
    words = {cell.split()[0] for row in table(page)[1].values() for cell in row}

    assert words == set(MEANINGS)
    for word, meaning in MEANINGS.items():
        assert f"*{word}*: {meaning}" in text


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("column", WORKFLOWS)
def test_a_cell_is_true(family, column):
    """What is offered is simulated, and what is called known has one number per generation."""
    models, quantity = FAMILIES[family]
    for model in models:
        for workflow in WORKFLOWS[column].values():
            word = known(model, workflow, quantity)
            e = experiment(model, workflow)
            if e is None:
                assert word == "open"
                continue
            prediction = mc.predict(e)
            assert mc.simulate(e, 2)[quantity].shape == (2, GENERATIONS)
            assert (quantity in prediction.expected) == (word in ("law", "exact"))
            if word != "simulated":
                assert prediction[quantity].shape == (GENERATIONS,)
