"""The report: what it reads, what it writes, and how it refuses."""

import importlib
import itertools
import json
import re
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.cli import main
from modelcollapse.reproduce.report import Decisions, read_figures, read_verdicts, render, write
from modelcollapse.reproduce.report.prose import prose
from tests.helpers.report_inputs import document, figure, png, verdict, verdict_file

HOSTILE = '<script>alert("x")</script>&\'"><img src=x onerror=alert(1)>'
# The package's name for it is the function.
COMMAND = importlib.import_module("modelcollapse.cli.report")
DATE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Keep text."""
        self.words.append(data)

    def all(self, tag, name=None):
        """Return the elements of a tag, or one attribute of them."""
        found = [attributes for kind, attributes in self.elements if kind == tag]
        return found if name is None else [a[name] for a in found if name in a]

    @property
    def text(self):
        """The text with single spaces."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder with a verdict file and one figure."""
    home = tmp_path_factory.mktemp("report")
    verdict_file(home / "verdicts.json", seed=3)
    figure(home / "figures")
    return home


@pytest.fixture(scope="module")
def page(folder):
    """Return the page of all verdicts, and its text."""
    decisions = read_verdicts(folder / "verdicts.json")
    return render(decisions, read_figures(folder / "figures"), DATE)


def refused(capsys, *arguments):
    """Return the one line that a wrong call prints, having checked that it prints only that."""
    assert main(["report", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_every_theorem_is_there(page):
    """Statement, formula, picture and evidence of each, under its room, with a badge in words."""
    parsed = Page(page)
    articles = [a for a in parsed.all("article") if a.get("class") == "theorem"]
    theorems = mc.theorems()

    assert [a["id"] for a in articles] == [t.slug for t in theorems]
    assert [a["data-kind"] for a in articles] == [t.kind for t in theorems]
    assert [a["data-room"] for a in articles] == [t.slug.split("/")[0] for t in theorems]
    assert [a["data-status"] for a in articles] == [t.expected for t in theorems]
    assert len(parsed.all("svg")) == len(parsed.all("math")) == len(theorems)
    assert page.count("refuted, as expected</span>") == sum(t.kind == "refuted" for t in theorems)
    for theorem in theorems:
        assert prose(theorem.statement) in page
        assert all(prose(name) in page for name in theorem.claim.near)


def test_the_page_needs_nothing_from_elsewhere(page):
    """Nothing is loaded: pictures are in the page, links lead within it or to papers."""
    parsed = Page(page)

    assert parsed.all("script", "src") == []
    assert [link["href"] for link in parsed.all("link")] == ["data:,"]
    assert all(src.startswith("data:image/png;base64,") for src in parsed.all("img", "src"))
    assert "url(" not in page
    assert "@import" not in page
    links = [href for href in parsed.all("a", "href") if not href.startswith("#")]
    assert links
    assert all(href.startswith("https://arxiv.org/abs/") for href in links)
    inner = {href[1:] for href in parsed.all("a", "href") if href.startswith("#")}
    assert inner <= {a["id"] for _, a in parsed.elements if "id" in a}
    assert len(page) < 2_000_000


def test_ids_are_unique_and_headings_in_order(page):
    """No id is there twice, and no level of headings is skipped."""
    parsed = Page(page)
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h\d", tag)]

    assert len(set(ids)) == len(ids)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_the_page_says_where_it_comes_from(page):
    """Versions, seed, alpha, time and date, and nothing of folders."""
    text = Page(page).text
    near = sum(len(theorem.claim.near) for theorem in mc.theorems())

    for words in (
        f"modelcollapse {mc.__version__}",
        f"numpy {np.__version__}",
        "seed 3",
        "alpha of each check 1 · 10",
        "12.3 s",
        "2026-01-02 03:04:00+00:00",
        f"{near} of {near}",
    ):
        assert words in text, words
    assert "/tmp" not in text  # noqa: S108
    assert "/home" not in text


def test_the_coverage_is_a_table_with_scopes(page):
    """Each family is a row's heading, each workflow a column's."""
    from modelcollapse.ledger.coverage import coverage

    scopes = Page(page).all("th", "scope")
    columns, rows = coverage()

    assert scopes == ["col"] * (len(columns) + 1) + ["row"] * len(rows)
    assert "exact (pooled)" in page


def test_figures_are_in_the_page(page):
    """Picture, words in its place, captions and the command; what is not made yet is named."""
    parsed = Page(page)
    (picture,) = parsed.all("img")

    assert picture["alt"] == "a grey picture"
    assert (picture["width"], picture["height"]) == ("4", "3")
    for words in ("what is shown", "what was shown", "what differs", "reproduce kde-loss"):
        assert words in parsed.text


def test_without_figures_the_page_says_how_to_make_them():
    """An empty section helps on."""
    text = Page(render(Decisions({}), date=DATE)).text

    assert "modelcollapse reproduce makes them" in text


def test_what_is_not_decided_is_said(tmp_path):
    """A file made by --only has fewer verdicts; the others are there, without a picture."""
    path = verdict_file(tmp_path / "some.json", "kde/replace/*")
    page = render(read_verdicts(path), date=DATE)
    parsed = Page(page)
    status = [a["data-status"] for a in parsed.all("article") if "data-status" in a]
    count = len(mc.theorems("kde/replace/*"))

    assert len(status) == len(mc.theorems())
    assert len(parsed.all("svg")) == count
    assert status.count("undecided") == len(status) - count
    assert f"{len(status) - count} theorems are not decided here" in parsed.text
    assert "verify --only gaussian/conservation" in parsed.text


def test_without_chance_there_are_no_false_alarms(tmp_path):
    """Where no verdict rests on chance, no probability is given."""
    path = verdict_file(tmp_path / "one.json", "gaussian/conservation-one-step")
    text = Page(render(read_verdicts(path), date=DATE)).text

    assert "no check rests on chance" in text
    assert "false alarm" not in text


@pytest.mark.parametrize("field", ["predicted", "observed", "method"])
def test_hostile_verdicts_are_text(tmp_path, field):
    """What a file says is shown, and does nothing."""
    (theorem,) = mc.theorems("gaussian/conservation")
    path = tmp_path / "v.json"
    path.write_text(json.dumps(document([verdict(theorem, **{field: HOSTILE})])))
    page = render(read_verdicts(path), date=DATE)
    parsed = Page(page)

    assert "<script>alert" not in page
    assert len(parsed.all("script")) == 1
    assert parsed.all("img") == []
    assert 'alert("x")' in parsed.text


def test_hostile_figures_are_text(tmp_path):
    """What a figure says is shown, and does nothing."""
    words = ("title", "shows", "original", "difference", "data", "command")
    pictures = [{"png": "a.png", "pdf": "", "alt": HOSTILE}]
    changes = {**dict.fromkeys(words, HOSTILE), "environment": {HOSTILE: HOSTILE}}
    figure(tmp_path, pictures=pictures, **changes)
    page = render(Decisions({}), read_figures(tmp_path), DATE)
    parsed = Page(page)

    assert len(parsed.all("script")) == 1
    assert [img["alt"] for img in parsed.all("img")] == [HOSTILE]
    assert all("onerror" not in attributes for _, attributes in parsed.elements)


def test_unexpected_verdicts_are_named_and_the_status_is_1(tmp_path, capsys):
    """A theorem that fails stands in the summary, and on standard error."""
    good, bad, weak = mc.theorems("gaussian/replace/variance*")[:2] + mc.theorems(
        "gaussian/conservation"
    )
    near = dict.fromkeys(weak.claim.near, False)
    verdicts = [
        verdict(good),
        verdict(bad, verdict="fails", statistic=3.0),
        verdict(weak, verdict="weak", near_misses=near, near_statistics={}),
    ]
    path, output = tmp_path / "v.json", tmp_path / "r.html"
    path.write_text(json.dumps(document(verdicts)))

    assert main(["report", "--verdicts", str(path), "--output", str(output)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"2 of 3 verdicts unexpected: {bad.slug}, {weak.slug}" in err
    text = Page(output.read_text(encoding="utf-8")).text
    assert f"2 of the verdicts are not the expected one: {bad.slug} , {weak.slug}" in text
    assert "not rejected" in text


def test_the_command_writes_one_file(folder, capsys, monkeypatch, tmp_path):
    """The page is where it should be, nothing else is, and standard output is empty."""
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "report.html"

    assert main(["report", "--verdicts", str(folder / "verdicts.json")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"wrote {len(mc.theorems())} verdicts and 0 figures to report.html\n"
    assert list(tmp_path.iterdir()) == [output]
    assert output.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_folder_of_reproductions_is_found(folder, capsys, monkeypatch, tmp_path):
    """Without --figures the folder "reproduction" is looked into."""
    monkeypatch.chdir(tmp_path)
    figure(tmp_path / "reproduction", "budget")
    figure(tmp_path / "reproduction", "gaussian")
    (tmp_path / "reproduction" / "unfinished").mkdir()

    assert main(["report", "--verdicts", str(folder / "verdicts.json")]) == 0
    assert "2 figures" in capsys.readouterr().err
    figures = read_figures(tmp_path / "reproduction")
    assert [f.name for f in figures] == ["gaussian", "budget"]


def test_without_a_file_the_ledger_is_verified(capsys, monkeypatch, tmp_path):
    """Seed and alpha go to the verification, and into the page."""
    (theorem,) = mc.theorems("gaussian/conservation")
    asked = {}

    def verify_all(**options):
        asked.update(options)
        return [verdict(theorem)]

    monkeypatch.setattr(COMMAND, "verify_all", verify_all)
    output = tmp_path / "r.html"
    arguments = ["report", "--seed", "5", "--alpha", "1e-6", "--output", str(output)]
    assert main(arguments) == 0
    assert "wrote 1 verdict and" in capsys.readouterr().err
    assert (asked["seed"], asked["alpha"]) == (5, 1e-6)
    assert "seed 5" in Page(output.read_text(encoding="utf-8")).text


def test_an_interrupted_verification_writes_nothing(capsys, monkeypatch, tmp_path):
    """Ctrl-C ends the command with 130, and leaves no file."""

    def verify_all(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(COMMAND, "verify_all", verify_all)
    assert main(["report", "--output", str(tmp_path / "r.html")]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_page(folder, monkeypatch, tmp_path):
    """The page is replaced whole or not at all."""
    from modelcollapse.reproduce import report

    output = tmp_path / "r.html"
    output.write_text("old")

    def render(*_):
        raise MemoryError

    monkeypatch.setattr(report, "render", render)
    with pytest.raises(MemoryError):
        write(output, read_verdicts(folder / "verdicts.json"))
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "r.pdf"], "must end in .html or .htm"),
        (["--output", "nowhere/r.html"], "there is no folder 'nowhere'"),
        (["--verdicts", "nowhere.json"], "modelcollapse verify --json > nowhere.json"),
        (["--figures", "nowhere"], "figures = 'nowhere' is not a folder"),
        (["--seed", "2.5"], "give a whole number"),
        (["--seed", "-1"], "seed = -1 is not valid"),
        (["--alpha", "2"], "alpha = 2.0 is not valid"),
        (["--verdicts", "v.json", "--seed", "1"], "seed = 1 is for verifying"),
        (["--verdicts", "v.json", "--alpha", "0.1"], "leave alpha, or verdicts"),
    ],
)
def test_wrong_arguments(capsys, monkeypatch, tmp_path, arguments, message):
    """One line names the argument, its value and the remedy; nothing is written."""
    monkeypatch.chdir(tmp_path)

    assert message in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def changed(path, change):
    """Write a verdict file of one room with a change made to its document."""
    verdict_file(path, "curated/*")
    content = json.loads(path.read_text())
    change(content, content["verdicts"][0])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, _: d.pop("verdicts"), "it lacks 'verdicts'"),
        (lambda d, _: d.pop("summary"), "it lacks 'summary'"),
        (lambda d, _: d.update(verdicts={}), "{} is not a list"),
        (lambda d, _: d["verdicts"].clear(), "there are no verdicts"),
        (lambda d, _: d["verdicts"].append(d["verdicts"][0]), "two verdicts on curated/labels"),
        (lambda d, _: d["verdicts"].append(3), "3 is not an object"),
        (lambda d, _: d["summary"].pop("seconds"), "it lacks 'seconds'"),
        (lambda d, _: d["summary"].update(seed=-1), "-1 is not a whole number"),
        (lambda _, v: v.update(slug="curated/labels/other"), "no theorem 'curated/labels/other'"),
        (lambda _, v: v.update(slug=None), "None is not text"),
        (lambda _, v: v.pop("method"), "curated/labels/kept-error: it lacks 'method'"),
        (lambda _, v: v.pop("near_statistics"), "it lacks 'near_statistics'"),
        (lambda _, v: v.update(statistic="much"), "'much' is not a number"),
        (lambda _, v: v.update(statistic=True), "True is not a number"),
        (lambda _, v: v.update(statistic=10**400), "that a float can hold"),
        (lambda _, v: v.update(samples=1.5), "1.5 is not a whole number"),
        (lambda _, v: v.update(near_misses={"any": 1}), "1 is not true or false"),
        (lambda _, v: v.update(near_misses={"other": True}), "has other near misses"),
        (lambda _, v: v["near_statistics"].update(other=1), "names that near_misses has not"),
        (lambda _, v: v.update(parameters="p=1"), "parameters is 'p=1' there"),
        (lambda _, v: v.update(source="elsewhere"), "source is 'elsewhere' there"),
        (lambda _, v: v.update(verdict="perhaps", as_expected=False), "'perhaps' contradicts"),
        (lambda _, v: v.update(as_expected=False), "the verdict 'holds' contradicts"),
    ],
)
def test_a_damaged_verdict_file(capsys, tmp_path, change, message):
    """The line names the file, what is wrong and the remedy; nothing is written."""
    path, output = tmp_path / "v.json", tmp_path / "r.html"
    changed(path, change)
    err = refused(capsys, "--verdicts", path, "--output", output)

    assert message in err
    assert f"verdicts = '{path}'" in err
    assert f"make it again with: modelcollapse verify --json > {path}" in err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"verdicts": NaN}', b"\xff\xfe\x00", b"[" * 100_000, b'"text"'],
)
def test_a_file_that_is_something_else(capsys, tmp_path, content):
    """Truncated, empty and other files are refused."""
    path = tmp_path / "v.json"
    path.write_bytes(content)

    assert "make it again" in refused(capsys, "--verdicts", path, "--output", tmp_path / "r.html")


def test_a_truncated_file_and_a_folder(capsys, folder, tmp_path):
    """What an interrupted shell redirection leaves is refused, and so is a folder."""
    path = tmp_path / "v.json"
    path.write_bytes((folder / "verdicts.json").read_bytes()[:5000])

    assert "make it again" in refused(capsys, "--verdicts", path, "--output", tmp_path / "r.html")
    assert "make it again" in refused(capsys, "--verdicts", tmp_path)


def test_verdicts_are_read_as_they_were(folder, tmp_path):
    """Reading gives the verdicts that were written, infinities too, and in the ledger's order."""
    found = read_verdicts(folder / "verdicts.json")

    assert list(found.verdicts.values()) == [verdict(t) for t in mc.theorems()]
    assert (found.seconds, found.seed) == (12.3, 3)
    assert found.alpha == pytest.approx(1e-9)
    assert read_verdicts(verdict_file(tmp_path / "v.json")).seed is None


def test_what_verify_prints_is_read(capsys, tmp_path):
    """The two commands fit together."""
    assert main(["verify", "--only", "gaussian/accumulate/limit*", "--json"]) == 0
    path = tmp_path / "v.json"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    found = read_verdicts(path)

    assert list(found.verdicts) == [t.slug for t in mc.theorems("gaussian/accumulate/limit*")]
    for v in found.verdicts.values():
        assert {n: s > v.threshold for n, s in v.near_statistics.items()} == v.near_misses


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda home: (home / "a.png").unlink(), "its picture 'a.png' cannot be used"),
        (lambda home: (home / "a.png").write_bytes(b""), "it is not a PNG file"),
        (lambda home: (home / "a.png").write_bytes(png()[:60]), "it is cut off"),
        (lambda home: (home / "a.png").write_bytes(png()[:50] + b"x" + png()[51:]), "damaged"),
        (lambda home: (home / "figure.json").write_text("{"), "is damaged"),
        (lambda home: (home / "figure.json").write_text("{}"), "it does not hold its digest"),
    ],
)
def test_a_damaged_figure(capsys, folder, tmp_path, damage, message):
    """The figure is named, with the command that makes it again."""
    damage(figure(tmp_path, "budget"))
    arguments = ["--verdicts", folder / "verdicts.json", "--figures", tmp_path]
    err = refused(capsys, *arguments, "--output", tmp_path / "r.html")

    assert message in err
    assert f"make it again with: modelcollapse reproduce budget --output {tmp_path}" in err
    assert not (tmp_path / "r.html").exists()


def test_a_picture_cut_off_anywhere():
    """A PNG file is whole or refused, wherever it ends."""
    from modelcollapse.reproduce.report.png import size

    whole = png(40, 30)
    assert size(whole) == (40, 30)
    for end in range(len(whole)):
        with pytest.raises(ValueError, match=r"cut off|not a PNG"):
            size(whole[:end])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 1}, "has format 1, and this version reads 2"),
        ({"title": None}, "None is not text"),
        ({"pictures": []}, "it has no pictures"),
        ({"pictures": [{"png": "../a.png", "alt": ""}]}, "is not in its folder"),
        ({"pictures": [{"png": "a.png"}]}, "it lacks 'alt'"),
        ({"seconds": "long"}, "'long' is not a number"),
        ({"environment": 3}, "3 is not an object"),
    ],
)
def test_a_figure_with_a_wrong_description(tmp_path, changes, message):
    """Every field is checked."""
    figure(tmp_path, **changes)
    with pytest.raises(mc.InvalidInput, match="modelcollapse reproduce gaussian") as caught:
        read_figures(tmp_path)
    assert message in str(caught.value)


def test_one_figures_own_folder_is_refused(tmp_path):
    """The folder of all figures is asked for."""
    home = figure(tmp_path)
    with pytest.raises(mc.InvalidInput, match="is one figure: give the folder that it is in"):
        read_figures(home)


@pytest.mark.parametrize("package", ["jinja2", "latex2mathml"])
def test_a_missing_package(capsys, monkeypatch, tmp_path, package):
    """Before any work the command that installs it is named."""
    from modelcollapse.reproduce.report.mathematics import mathml

    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.converter", None)
    mathml.cache_clear()
    err = refused(capsys, "--output", tmp_path / "r.html")

    assert f"the report needs {package}, which is not installed" in err
    assert "in a clone, install it with: pip install '.[report]'" in err
