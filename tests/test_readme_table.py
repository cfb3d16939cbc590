"""The README's table of families and workflows says what the package does."""

from pathlib import Path

import pytest

import modelcollapse as mc
from modelcollapse.coverage import (
    FAMILIES,
    GENERATIONS,
    MEANINGS,
    WORKFLOWS,
    coverage,
    experiment,
    known,
)

README = Path(__file__).parents[1] / "README.md"


def section():
    """Return the README from the table on."""
    return README.read_text(encoding="utf-8").split("<!-- families -->")[1].split("###")[0]


def table():
    """Return the cells of the README's table, by row, under its columns."""
    lines = [line for line in section().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return tuple(rows[0][1:]), {row[0]: tuple(row[1:]) for row in rows[2:]}


def test_the_table_is_what_predict_offers():
    """Every family and workflow is there, in this order, with the word that is computed."""
    columns, rows = table()

    assert columns == coverage().columns
    assert list(rows) == list(coverage().rows)
    assert rows == coverage().rows


def test_the_words_are_explained():
    """Each word's meaning stands below the table, and no other word is used."""
    text = " ".join(section().split())
    words = {cell.split()[0] for row in coverage().rows.values() for cell in row}

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
