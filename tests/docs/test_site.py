"""The site's own pages, without Sphinx: which there are, and what stands on them."""

import inspect
import json
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import modelcollapse as mc
from modelcollapse.cli import COMMANDS
from modelcollapse.docs import ledger
from modelcollapse.docs._site import pages
from modelcollapse.docs.ledger import text
from modelcollapse.reproduce.report.mathematics import mathml

DOCS = pages.DOCS
FAMILIES = sorted(DOCS.glob("family-*.md"))
INDEX = (DOCS / "index.rst").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written():
    """Return the generated pages."""
    return pages.pages()


def target(page, link):
    """Return the file, within the documentation, that a link of a generated page leads to."""
    return (DOCS / pages.FOLDER / page).parent.joinpath(link.partition("#")[0]).resolve()


def test_the_site_leads_to_every_page(written):
    """Each page stands once, in one of the four groups, and what is listed is there."""
    groups = re.split(r":caption: (.*)\n", INDEX)[1:]
    listed = re.findall(r"^   ([a-z/-]+)$", "".join(groups[1::2]), re.MULTILINE)
    own = {page.stem for page in DOCS.glob("*.md")}
    made = {name for name in listed if name.startswith(f"{pages.FOLDER}/")}
    drawn = {"pictures/index"}  # the gallery

    assert groups[::2] == ["Start", "How to", "Explanation", "Reference"]
    assert len(listed) == len(set(listed))
    assert set(listed) - made == own | drawn
    for name in made:
        stem = name.removeprefix(f"{pages.FOLDER}/")
        assert {f"{stem}.md", f"{stem}.rst"} & written.keys(), name


def test_every_theorem_has_a_page(written):
    """With all that the ledger says of it, and the command that verifies it alone."""
    for theorem in mc.theorems():
        page = written[f"ledger/{theorem.slug}.md"]
        assert f"\n# {theorem.slug}\n" in page
        assert f"$$\n{theorem.latex}\n$$" in page
        assert f"modelcollapse verify --only '{theorem.slug}'\n" in page
        for said in (theorem.statement, theorem.assumptions, theorem.parameters):
            assert text(said) in page
        for near in theorem.claim.near:
            assert f"\n- {text(near)}\n" in page
    assert sum(name.startswith("ledger/") for name in written) == len(mc.theorems())


@pytest.mark.parametrize("slug", ["kde/replace/test-loss-linear", "gaussian/conservation"])
def test_an_entry_leads_to_its_proof(slug, written):
    """Its relative links lead to pages that are there, whatever the depth of its own."""
    name = f"ledger/{slug}.md"
    links = re.findall(r"\]\(([^()]*)\)", written[name])
    there = {(DOCS / pages.FOLDER / page).resolve() for page in written} | set(DOCS.glob("*.md"))

    assert any("/proofs/" in link for link in links)
    assert {target(name, link) for link in links} <= there
    room = slug.partition("/")[0]
    anchor = f"{room}-{len(mc.theorems(f'{room}/*'))}-theorems"
    assert f"ledger.md#{anchor})" in written[name]


def test_sources_are_links():
    """Papers have their address, and derivations their page."""
    (one,) = mc.theorems("gaussian/replace/contraction-factor")
    assert "[arXiv 2310.00429](https://arxiv.org/abs/2310.00429)" in pages.entry(one)


def test_every_derivation_has_a_page(written):
    """It holds the program, and the list of proofs leads to it."""
    programs = {path.name for path in (pages.ROOT / "theory").glob("*.py")} - {"__init__.py"}
    assert programs
    for name in programs:
        stem = name.removesuffix(".py")
        assert f"../theory/{name}\n" in written[f"proofs/{stem}.md"]
        assert f"\n- [{name}](proofs/{stem}.md): " in written["proofs.md"]


def test_the_commands_are_those_of_the_command_line(written):
    """Each has a heading, and options that come from its help."""
    page = written["commands.md"]
    for name in COMMANDS:
        assert f"\n## modelcollapse {name}\n" in page
    assert "`--only STR`" in page
    assert "](#" not in page


def test_every_public_name_is_told(written):
    """Functions, classes and errors have their documentation on one page, and only there."""
    told = re.findall(
        r"\.\. auto(?:class|function|exception):: (\S+)",
        "".join(page for name, page in written.items() if name.endswith(".rst")),
    )
    objects = [
        value
        for module in pages.rooms().values()
        if inspect.ismodule(module)
        for name in pages.public(module)
        if inspect.isclass(value := getattr(module, name)) or inspect.isfunction(value)
    ]

    assert len(told) == len(set(told)) == len({id(value) for value in objects})
    first = written["api/modelcollapse.rst"] + written["errors.rst"]
    for name in pages.public(mc):
        if not inspect.ismodule(getattr(mc, name)):
            assert re.search(rf"modelcollapse[\w.]*\.{name}\b", first), name


def test_the_contents_name_every_room(written):
    """With what it is, and all that it holds, each name once in its room."""
    entries = re.findall(r"^:doc:`api/(\w+)`\n((?:   .*\n|\n)+)", written["api.rst"], re.MULTILINE)
    found = pages.rooms()

    assert [page for page, _ in entries] == list(found)
    for page, told in entries:
        module = found[page]
        if inspect.ismodule(module):
            names = {re.split(r"[.`]", one)[-2] for one in re.findall(r":py:obj:`\S+`", told)}
            values = {name: getattr(module, name) for name in pages.public(module)}
            objects = {n for n, v in values.items() if inspect.isclass(v) or inspect.isfunction(v)}
            own = {n for n in objects if not pages._is_error(values[n])}
            assert own <= names <= objects, page


def test_a_room_that_cannot_be_imported_says_so(monkeypatch):
    """The others are there."""

    def absent(name):
        raise error(f"{name} needs pytest")

    error = mc.MissingDependency  # found before nothing can be imported
    monkeypatch.setattr(pages, "importlib", SimpleNamespace(import_module=absent))
    made = pages.rooms()

    assert made["testing"] == "modelcollapse.testing needs pytest"
    assert made["solver"] is mc.solver
    assert (
        "Not shown here: modelcollapse.testing needs pytest"
        in dict(pages._api())["api/testing.rst"]
    )


def test_the_first_page_leads_to_the_same_places(written):
    """Each of its links, from the site's place, is the same file."""
    before = re.findall(r"\]\(([^()\s#]+)", (pages.ROOT / "README.md").read_text(encoding="utf-8"))
    after = re.findall(r"\]\(([^()\s#]+)", written["readme.md"])

    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        place = old.replace("docs/gallery/README.rst", "docs/pictures/index.rst")  # made of it
        assert old == new or (pages.ROOT / place).resolve() == (DOCS / new).resolve()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("a*b* and |x|, x_ of ``*|x_|``", r"a\*b\* and \|x\|, x\_ of ``*|x_|``"),
        ("`Workflow`_ and :math:`n_1*`", "`Workflow`_ and :math:`n_1*`"),
        ("m_{t-1} of sigma_0", r"m\_{t-1} of sigma_0"),
    ],
)
def test_signs_of_mathematics_stay(line, shown):
    """What reStructuredText would take for markup gets a backslash, but in code."""
    assert pages.plain(line) == shown


def test_a_docstring_keeps_its_examples_and_parameters():
    """Only its prose is protected."""
    lines = ["a*b*", "", "Parameters", "----------", "x_, *y : int", "    |x|", "", "As::", ""]
    lines += ["    *as it is*", "", "|z|", "", ">>> 2 * 3 | 4", "6"]
    kept = list(lines)
    pages.protect(lines)

    changed = {line: new for line, new in zip(kept, lines, strict=True) if line != new}
    assert changed == {"a*b*": r"a\*b\*", "    |x|": r"    \|x\|", "|z|": r"\|z\|"}


@pytest.mark.parametrize("path", sorted(pages.DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_no_page_leads_out_of_the_site(path, written):
    """A link leads to a page, or to a picture of the package."""
    told = pages.adapted(path.stem, path.read_text("utf-8"))
    for place in re.findall(r"\]\(([^()#\s]+)", told):
        if "://" in place or place.startswith(("../reproduce/figures/", "pictures/index.rst")):
            continue
        inside = place.removeprefix(f"{pages.FOLDER}/")
        assert (pages.DOCS / place).is_file() or inside in written, place


def test_the_ledger_leads_to_its_entries():
    """Each row of its tables, which leave out what the entry's own page says."""
    page = pages.adapted("ledger", ledger.page())
    links = re.findall(r"^\| \[\S+\]\(reference/ledger/(\S+)\.md\) \|", page, re.MULTILINE)

    assert links == [theorem.slug for theorem in mc.theorems()]
    assert "Back to the first page" not in page
    assert "$" not in page
    assert page.count("\n") == ledger.page().count("\n")
    assert "| theorem | statement | kind |" in page
    told = pages.adapted("usage", "[Back to the first page](../../README.md). x $`a\\,b`$")
    assert told == "x $a\\,b$"
    told = pages.adapted("usage", "[a](../../theory/kde.py), [b](../../tests/conftest.py)")
    assert told == "[a](reference/proofs/kde.md), b"


def test_formulas_lead_to_their_theorems():
    """And to their derivations; a repository shows the ones as code, and the others as files."""
    told = "[a.py](../../theory/a.py): $`x`$, `n/2`, `gaussian/conservation`."

    assert pages.adapted("family-gaussian", told) == (
        "[a.py](reference/proofs/a.md): $x$, `n/2`, "
        "[`gaussian/conservation`](reference/ledger/gaussian/conservation.md)."
    )
    assert "`gaussian/conservation`." in pages.adapted("usage", told)
    slugs = {theorem.slug for theorem in mc.theorems()}
    rooms = {slug.partition("/")[0] for slug in slugs}
    for path in FAMILIES:
        named = re.findall(r"`([a-z]+)(/[a-z0-9/-]+)`", path.read_text("utf-8"))
        assert {room + rest for room, rest in named if room in rooms} - slugs == set(), path


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_formulas_can_be_read(path):
    """Each in one of the two ways that code hosts and the site share; no name is left unread."""
    pytest.importorskip("latex2mathml")
    told = path.read_text("utf-8")
    displayed = re.findall(r"^```math\n(.*?)^```$", told, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```$", "", told, flags=re.MULTILINE | re.DOTALL)
    within = re.findall(r"\$`([^`]*)`\$", prose)

    assert displayed
    assert "$" not in re.sub(r"\$`[^`]*`\$", "", prose)
    for formula in [*displayed, *within]:
        assert "\\" not in mathml(formula.strip()), formula


def test_a_build_says_what_is_missing(monkeypatch):
    """And what to install, before anything is read."""
    error = type("ConfigError", (Exception,), {})
    monkeypatch.setitem(sys.modules, "sphinx", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "sphinx.errors", SimpleNamespace(ConfigError=error))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "furo" else name)

    with pytest.raises(error, match=re.escape("furo not installed: pip install '.[docs]'")):
        runpy.run_path(str(DOCS / "conf.py"))


def test_names_within_words_are_code():
    """And what is not code is shown as it is."""
    assert pages.prose("every `kde_*` of a*b") == r"every `kde_*` of a\*b"


def test_what_is_laid_out_stays_so():
    """Tables and examples of a module's docstring become blocks, and paragraphs stay."""
    shown = pages.about("First * line.\n\n::\n\n    one   a\n    two   b\n\n>>> 1\n1")

    assert shown.startswith("First \\* line.\n")
    assert ".. code-block:: text\n\n   one   a\n   two   b\n" in shown
    assert ".. code-block:: pycon\n\n   >>> 1\n   1\n" in shown


def test_a_search_knows_the_keywords(written):
    """Two theorems say in them that kernel densities collapse under replace."""
    known = json.loads(re.match(r"const keywords = (.*);\n", written["scorer.js"])[1])
    found = [slug for slug, words in known.items() if "collapse" in words and "/kde/" in slug]

    names = {f"kde/replace/{name}" for name in ("test-loss-linear", "shrinking-too-fast-clumps")}
    assert {slug.removeprefix("reference/ledger/") for slug in found} == names


def test_the_folder_holds_the_pages_and_no_others(tmp_path, monkeypatch):
    """What is as it was is not written again, and what is no page any more goes."""
    some = {"a.md": "one\n", "deep/b.md": "two\n"}
    monkeypatch.setattr(pages, "pages", lambda: some)
    pages.write(tmp_path)
    stamp = (tmp_path / "a.md").stat().st_mtime_ns
    (tmp_path / "old.md").write_text("gone")
    (tmp_path / "deep/b.md").write_text("changed")
    pages.write(tmp_path)

    files = {p.relative_to(tmp_path): p.read_text() for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {Path(name): told for name, told in some.items()}
    assert (tmp_path / "a.md").stat().st_mtime_ns == stamp
