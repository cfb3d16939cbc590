"""The documentation is true: its snippets run and print what is shown, its ledger is the code's."""

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

import modelcollapse as mc
from modelcollapse.docs import ledger
from modelcollapse.ledger.theorem import ROOMS
from tests.helpers.pages import PAGES, ROOT, TUTORIAL, blocks, differences, padded, printed

SECTIONS = (
    "Read a verdict",
    "Add your own theorem",
    "Plug in your own estimator",
    "Select the rows",
    "Plug in your own workflow",
)
WALK = "practitioners"  # of which commands and Python are one example
IN_SHELL = {WALK, "how-to-theorem"}  # whose commands run too
OWN = TUTORIAL.with_name("how-to-own-model.md")
# The tutorial's sections run one by one.
IN_PYTHON = [
    page
    for page in PAGES
    if page != TUTORIAL and any(block.mark == "python" for block in blocks(page))
]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_tutorial_runs(section, tmp_path, monkeypatch):
    """Each section runs by itself, in order, and prints what is shown and nothing else."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "tutorial"}
    for block in (b for b in blocks(TUTORIAL) if b.section == section):
        got, shown = printed(block, names), block.shown
        wrong = differences(shown.code if shown else "", got)
        assert not wrong, f"{(shown or block).where}\n{wrong}"
    assert not list(tmp_path.iterdir())


def test_the_tutorial_has_its_sections():
    """The sections are these, in this order, and every block is one that the tests know."""
    found = blocks(TUTORIAL)
    titles = re.findall(r"^## (.*)$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE)

    assert tuple(titles) == SECTIONS
    assert {block.section for block in found} == set(SECTIONS)
    for block in found:
        assert block.mark in ("python", "sh"), block.where
        assert block.shown is None or block.shown.mark == "text", block.where


def test_every_number_of_the_walk_is_printed():
    """Or is in a command: what the prose says of the example was seen."""
    page = ledger.PAGE.with_name(f"{WALK}.md")
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"\]\([^()]*\)", "", prose)  # where links lead
    code = [text for b in blocks(page) for text in (b.code, b.shown.code if b.shown else "")]
    known = set(re.findall(r"\d[\d.]*\d|\d", " ".join(code)))

    told = set(re.findall(r"\d[\d.]*\d|\d", prose))
    assert told
    assert told <= known


def test_the_tutorials_own_classes_keep_the_contracts(tmp_path):
    """Each page's snippets with contract suites pass as a test file of its own."""
    pages = {page: [b for b in blocks(page) if "Contract" in b.code] for page in (TUTORIAL, OWN)}
    for page, suites in pages.items():
        code = ""
        for block in suites:  # each at the line where the page has it
            code += padded(block)[code.count("\n") :]
        tmp_path.joinpath(f"test_{page.stem.replace('-', '_')}.py").write_text(code, "utf-8")
        assert re.findall(r"\((\w+Contract)\)", code) == ["EstimatorContract", "WorkflowContract"]
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d\d passed", done.stdout), done.stdout


@pytest.mark.parametrize("page", IN_PYTHON, ids=lambda page: page.stem)
def test_a_page_runs(page, tmp_path, monkeypatch):
    """Its Python, of some its shell too, runs from top to bottom and prints what is shown."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    marks = ("python", "sh") if page.stem in IN_SHELL else ("python",)
    for block in (b for b in blocks(page) if b.mark in marks):
        if "torch" in block.code and not find_spec("torch"):
            continue
        got, shown = printed(block, names), block.shown
        if shown is not None:
            part = shown.mark == ""
            want, got = (f"...{shown.code}...", f"\n{got}\n") if part else (shown.code, got)
            wrong = differences(want, got)
            assert not wrong, f"{shown.where}\n{wrong}"


def test_the_pages_with_python():
    """These pages have snippets, and no block anywhere has a mark that the tests do not know."""
    assert [page.stem for page in IN_PYTHON] == [
        *(
            "README",
            *(f"family-{name}" for name in ("discrete", "exponential", "gaussian", "kde")),
            *(f"family-{name}" for name in ("markov", "regression")),
            "from-gaussians",
            "how-to-own-model",
            "how-to-theorem",
            "language",
            "practitioners",
            "real-data",
            "start",
            "usage",
            "use-with",
        ),
        "workflows",
    ]
    assert len([b for page in IN_PYTHON for b in blocks(page) if b.mark == "python"]) >= 5
    for block in (b for page in PAGES for b in blocks(page)):
        assert block.mark in {"python", "sh", "toml", "py", "bibtex", "math"}, block.where


def test_a_wrong_snippet_is_named(tmp_path):
    """An error carries the page's own line, and a difference shows both outputs."""
    page = tmp_path / "page.md"
    page.write_text("## A\n\n```python\nprint(1)\n\n1 / 0\n```\n\n```text\n2\n```\n")
    (block,) = blocks(page)

    with pytest.raises(ZeroDivisionError) as caught:
        printed(block, {})
    assert caught.traceback[-1].lineno + 1 == 6
    assert caught.traceback[-1].frame.code.raw.co_filename == str(page)
    assert block.shown.line == 10
    assert "Expected:\n    2\nGot:\n    1" in differences(block.shown.code, "1\n")
    assert not differences("a ... c\n", "a  b\n c\n")


def test_the_ledger_page_is_what_the_code_gives():
    """The page holds every theorem, in the ledger's order."""
    there = ledger.PAGE.read_text(encoding="utf-8")
    if there != ledger.page():
        pytest.fail(f"{ledger.PAGE} is not what the code gives now; renew it: {ledger.COMMAND}")

    assert re.findall(r"^\| `(.*?)` \|", there, re.MULTILINE) == [t.slug for t in mc.theorems()]


def test_tables_of_the_ledger_page_are_whole():
    """Every row has as many cells as its head, whatever signs the cells contain."""
    tables = [
        part.splitlines() for part in re.findall(r"(?:^\|.*\n)+", ledger.page(), re.MULTILINE)
    ]

    assert len(tables) == 1 + len(ROOMS)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table}) == 1
    for theorem in mc.theorems():
        assert not set("`\n") & set(theorem.latex)
        assert "\n" not in theorem.statement + theorem.source + theorem.assumptions


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"E|x|^2", r"$`E\vert x\vert ^2`$"),
        (r"\|x\|\le\left|y\right|", r"$`\Vert x\Vert \le\left\vert y\right\vert `$"),
        (r"a\\|b|", r"$`a\\\vert b\vert `$"),
        (r"\{x\mid y\}\,z", r"$`\{x\mid y\}\,z`$"),
    ],
)
def test_formulas_have_no_bars(latex, shown):
    """A bar would end the cell; everything else is left alone."""
    assert ledger.formula(latex) == shown


def test_words_are_shown_as_they_are():
    """Signs that Markdown would take for its own get a backslash, and no others do."""
    assert ledger.text("w* of |a_i - _b_| < $2, [x] `y` ~ sigma_0^2") == (
        r"w\* of \|a_i - \_b\_\| \< \$2, \[x\] \`y\` \~ sigma_0^2"
    )


def test_the_ledger_page_is_written_whole_or_not_at_all(tmp_path):
    """The file is what `page` gives, and a folder that is not there is said."""
    path = tmp_path / "ledger.md"
    ledger.write(path)

    assert path.read_text(encoding="utf-8") == ledger.page()
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(mc.InvalidInput, match="there is no folder"):
        ledger.write(tmp_path / "nowhere" / "ledger.md")


def test_slow_tests_exist():
    """The list of what is not quick names tests that are there."""
    for name in (ROOT / "tests/slow.txt").read_text().split():
        file, test, *_ = name.split("::")
        assert re.search(rf"(def|class) {test}\b", (ROOT / file).read_text()), name
