"""HTML tables: their cells, what is left out, and that text stays text."""

from xml.etree import ElementTree as ET

import numpy as np

from modelcollapse._support.html import CUT, MOST_COLUMNS, MOST_NOTES, MOST_ROWS, pairs, table


def cells(text):
    """Return the rows of the one table, as lists of texts."""
    tree = ET.fromstring(text)  # noqa: S314 - of this package, and well-formed
    return [[cell.text or "" for cell in row] for row in tree.iter("tr")]


def test_numbers_and_texts():
    """Numbers have five digits; others are what they are."""
    found = cells(table("T", {"a": np.array([1 / 3, np.inf]), "b": [7, "x"]}))

    assert found == [["a", "b"], ["0.33333", "7"], ["inf", "x"]]


def test_text_is_no_markup():
    """Signs of HTML are escaped everywhere, and signs that control a terminal are shown."""
    hostile = "<script>alert('x')</script>&\x1b[31m"
    text = table(hostile, {hostile: [hostile]}, [hostile]) + pairs(hostile, {hostile: hostile})

    assert "<script" not in text
    assert "\x1b" not in text
    assert text.count("&lt;script&gt;") == 7
    assert "http" not in text


def test_long_tables_are_cut():
    """The first and the last rows and columns, and an ellipsis in the place of the others."""
    count = MOST_ROWS + 5
    columns = {str(i): np.arange(count) for i in range(MOST_COLUMNS + 3)}
    found = cells(table("T", columns, map(str, range(MOST_NOTES + 1))))
    names, body = found[0], found[1:]

    assert len(body) == MOST_ROWS + 1
    assert {len(row) for row in found} == {MOST_COLUMNS + 1}
    assert (names[0], names[-1], names.count(CUT)) == ("0", str(MOST_COLUMNS + 2), 1)
    assert (body[0][0], body[-1][0]) == ("0", str(count - 1))
    assert [row for row in body if row[0] == CUT] == [[CUT] * (MOST_COLUMNS + 1)]
    assert table("T", columns, map(str, range(MOST_NOTES + 1))).count("<li>") == MOST_NOTES + 1


def test_tables_that_just_fit_are_whole():
    """No ellipsis where nothing is left out."""
    columns = {str(i): list(range(MOST_ROWS)) for i in range(MOST_COLUMNS)}
    text = table("T", columns, map(str, range(MOST_NOTES)))

    assert CUT not in text
    assert len(cells(text)) == 1 + MOST_ROWS


def test_long_texts_are_cut():
    """A cell of text has an end."""
    assert len(pairs("T", {"a": "x" * 10_000})) < 1_000


def test_pairs():
    """Two columns without a head; nothing at all is a table too."""
    assert cells(pairs("T", {"a": 1, "b": "c"})) == [["a", "1"], ["b", "c"]]
    assert cells(table("T", {})) == [[]]
