"""The works to cite: each is whole, and each that the ledger and the pages name is there."""

import re
import tomllib

import pytest

import modelcollapse as mc
from modelcollapse.cli.cite import DEFINITIONS
from modelcollapse.ledger.references import PAPER, REFERENCES, YEAR, Reference, named_by, package
from tests.helpers.pages import PAGES, ROOT

ARXIV = r"(?<!\d)\d{4}\.\d{5}(?!\d)"
# By what a source means a work: its number, or its year.
MEANT = rf"{ARXIV}|(?<=doi )[^\s,;)]+|(?<![\d.])(?:18|19|20)\d\d(?![\d.])"
WITHOUT = {"Gibbs' inequality", "Ville; for the sum Kraft's inequality"}  # as in any textbook
PARTS = {
    *("author", "title", "booktitle", "series", "journal", "volume", "pages"),
    *("year", "doi", "eprint"),
}
NEEDED = {"article": "journal", "inproceedings": "booktitle", "misc": "year"}


@pytest.mark.parametrize("work", REFERENCES.values(), ids=REFERENCES)
def test_a_work_is_whole(work):
    """Its key has the first author's name and its year, and its fields are those of its kind."""
    told = work.fields
    names = told.get("author", "Wishart").split(" and ")
    surname = re.sub(r"[^a-z]", "", names[0].split()[-1].lower())

    assert re.fullmatch(rf"{surname}{told['year']}[ab]?", work.key)
    assert set(told) <= PARTS
    assert told[NEEDED[work.kind]]
    assert re.fullmatch(rf"{ARXIV}|", told.get("eprint", ""))
    assert not set("\n{}\\") & set("".join(told.values()))
    assert work.named


def test_no_two_works_are_one():
    """Each has a key, a name in the ledger and a number of its own."""
    for own in ("named", "text", "bibtex"):
        assert len({getattr(work, own) for work in REFERENCES.values()}) == len(REFERENCES)
    numbers = [n for work in REFERENCES.values() if (n := work.fields.get("eprint"))]
    assert len(set(numbers)) == len(numbers)


def test_every_source_of_the_ledger_is_found():
    """Whatever number or year a source says is that of a work found by it, and none is missed."""
    for source in {theorem.source for theorem in mc.theorems()}:
        found = named_by(source)
        values = {value for work in found for value in work.fields.values()}
        assert set(re.findall(MEANT, source)) <= values, source
        assert found or " here" in source or source in WITHOUT, source


def test_every_work_is_named():
    """By the ledger, by a page or by a command."""
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    used = {work.key for theorem in mc.theorems() for work in named_by(theorem.source)}
    used |= {key for keys in DEFINITIONS.values() for key in keys} | {PAPER}

    for work in REFERENCES.values():
        assert work.key in used or work.fields["eprint"] in pages, work.key


def test_every_work_of_the_pages_is_there():
    """The literature and the other pages name no paper that cannot be cited."""
    there = {work.fields.get("eprint") for work in REFERENCES.values()}
    for page in PAGES:
        assert set(re.findall(ARXIV, page.read_text(encoding="utf-8"))) <= there, page


def test_text_and_bibtex():
    """A reference is a sentence; BibTeX keeps capital letters, and what it would take for signs."""
    fields = {
        "author": "A. One and B. Two",
        "title": "Is 100 % of x_1 & $y$ mine?",
        "journal": "Letters",
        "volume": "3",
        "pages": "1-2",
        "year": "2001",
        "doi": "10.1/a_b",
    }
    work = Reference("one2001", "article", fields)

    assert work.text == (
        "A. One, B. Two (2001). Is 100 % of x_1 & $y$ mine? Letters 3:1-2. doi:10.1/a_b."
    )
    assert work.bibtex == (
        "@article{one2001,\n"
        "  author = {A. One and B. Two},\n"
        r"  title = {{Is 100 \% of x\_1 \& \$y\$ mine?}}," + "\n"
        "  journal = {Letters},\n"
        "  volume = {3},\n"
        "  pages = {1-2},\n"
        "  year = {2001},\n"
        "  doi = {10.1/a_b}\n"
        "}"
    )
    assert Reference("two", "misc", {"year": "2001", "eprint": "1"}).text == "arXiv:1 (2001)."


def test_the_package_is_that_of_its_metadata():
    """Name, authors and version are the project's, and the year that of its licence."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (team,) = project["authors"]

    assert package("It").text == (
        f"{team['name']} ({YEAR}). {project['name']}, version {mc.__version__}. It."
    )
    assert f"author = {{{{{team['name']}}}}}" in package().bibtex
    assert f"Copyright (c) {YEAR} {team['name']}" in (ROOT / "LICENSE").read_text(encoding="utf-8")
