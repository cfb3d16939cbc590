"""``modelcollapse theorems`` and ``verify SLUG``."""

import json
import os
import subprocess
import sys

import pytest

import modelcollapse as mc
from modelcollapse.cli import main, verify
from tests.cli.test_cli import wrong

ONE = "kde/replace/test-loss-linear"
OTHER = "kde/replace/shrinking-too-fast-clumps"
HEAVY = {"numba", "sympy", "torch", "sklearn", "matplotlib", "polars", "pandas"}
LATE = {"scipy.stats", "scipy.integrate", "scipy.optimize", "scipy.linalg"}


def printed(capsys, *words):
    """Return the lines and the notes of a command that succeeds."""
    assert main(["theorems", *words]) == 0
    out, err = capsys.readouterr()
    return out.splitlines(), err


def document(capsys, *words):
    """Return the slugs that a command's JSON has, having checked that it is the whole output."""
    assert main(["theorems", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_all_are_listed(capsys):
    """One line for each: its slug, and what it states first."""
    lines, err = printed(capsys)

    assert [line.split()[0] for line in lines] == [t.slug for t in mc.theorems()]
    assert all(
        t.statement.startswith(line.split(None, 1)[1].removesuffix(" [refuted]"))
        for line, t in zip(lines, mc.theorems(), strict=True)
    )
    told = [line.split(None, 1)[1].removesuffix(" [refuted]") for line in lines]
    assert not [words for words in told if words.startswith("And ") or words.endswith((" .", ","))]
    assert [line.endswith(" [refuted]") for line in lines] == [
        t.expected == "refuted" for t in mc.theorems()
    ]
    assert err.startswith(f"{len(lines)} theorems; in full: modelcollapse theorems gaussian/")


def test_words_are_searched(capsys):
    """The best ten, in the order of the API; the note says how many there are."""
    lines, err = printed(capsys, "KDE", "collapse", "replace")
    found = mc.theorems(about="KDE collapse replace")

    assert {line.split()[0] for line in lines[:2]} == {ONE, OTHER}
    assert [line.split()[0] for line in lines] == [t.slug for t in found[:10]]
    assert err.startswith(f"{len(found)} theorems, the best 10 are shown")
    assert len(printed(capsys, "KDE collapse replace", "--most", "0")[0]) == len(found)
    assert len(printed(capsys, "does a KDE collapse?", "--most", "3")[0]) == 3


def test_a_word_with_a_slash_is_no_slug(capsys):
    """Beside others, unless it begins as slugs do."""
    lines, _ = printed(capsys, "large", "sample", "law", "k/2n")

    assert lines[0].split()[0].endswith("/large-sample-law")
    assert printed(capsys, "k/2n")[0]
    assert "did you mean kde/replace" in wrong(capsys, "theorems", "kd/replace/mise")
    assert wrong(capsys, "theorems", "kde/nothing", "large").startswith("modelcollapse: unknown")


def test_a_slug_is_shown_in_full(capsys):
    """Statement, formula, assumptions, source, near misses, and the command that verifies it."""
    lines, err = printed(capsys, ONE)
    (theorem,) = mc.theorems(ONE)

    text = "\n".join(lines)
    parts = (theorem.statement, theorem.latex, theorem.assumptions, theorem.source)
    for part in (*parts, theorem.parameters, *theorem.claim.near):
        assert part in text
    assert f"modelcollapse verify {ONE}" in text
    assert err == ""


def test_every_theorem_has_its_page(capsys):
    """None lacks a part: each has near misses, and is computed or simulated."""
    told = document(capsys)

    for row, theorem in zip(told["theorems"], mc.theorems(), strict=True):
        assert row["slug"] == theorem.slug
        assert row["near_misses"] == list(theorem.claim.near)
        assert row["near_misses"]
        assert row["decided"] == ("computed" if theorem.claim.design is None else "simulated")
        assert row["command"] == f"modelcollapse verify {theorem.slug}"


def test_json_has_one_shape(capsys):
    """Of a list, of words and of one theorem: how many, and these in full."""
    for words in (["kde/replace"], ["KDE", "collapse"], [ONE], ["--family", "poisson"]):
        told = document(capsys, *words)
        assert set(told) == {"found", "theorems"}
        assert told["found"] >= len(told["theorems"]) >= 1
        assert {"slug", "statement", "latex", "near_misses", "command"} <= set(told["theorems"][0])
    assert document(capsys, ONE)["theorems"][0]["slug"] == ONE
    assert len(document(capsys, "KDE", "collapse", "--most", "2")["theorems"]) == 2


def test_a_family_and_the_beginning_of_a_slug(capsys):
    """A family of the commands has its room's theorems."""
    for family, room in (("kde", "kde"), ("poisson", "exponential"), ("curated", "curated")):
        lines, _ = printed(capsys, "--family", family)
        assert [line.split()[0] for line in lines] == [t.slug for t in mc.theorems(room)]
    lines, _ = printed(capsys, "kde/replace", "bounded")
    assert lines
    assert all(line.startswith("kde/replace/") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["kde/replace/test-loss-liner"], f"did you mean {ONE}"),
        (["xyzzy"], "all are listed by: modelcollapse theorems"),
        (["--family", "poison"], "did you mean poisson"),
        (["kde/replace", "--family", "gaussian"], "has no theorem kde/replace"),
        (["kde", "--most", "-1"], "most"),
        (["xyzzy", "--json"], "no theorem says 'xyzzy'"),
    ],
)
def test_wrong_words_are_one_line(capsys, arguments, said):
    """On standard error, with what to do; nothing is printed, and the status is 2."""
    assert said in wrong(capsys, "theorems", *arguments)


def test_a_word_that_none_says_is_named(capsys):
    """The others are looked for even so."""
    lines, err = printed(capsys, "colapse", "kde")

    assert lines
    assert "no theorem says 'colapse'; did you mean collapse?" in err


def test_nothing_heavy_is_loaded():
    """Nothing that compiles or draws; `benchmarks/test_commands.py` measures what it takes."""
    code = "import sys; from modelcollapse.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    command = [sys.executable, "-c", code, "theorems", "KDE", "collapse", "replace"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert not (HEAVY | LATE) & set(done.stdout.splitlines()[-1].split())


def test_verify_takes_a_bare_slug(capsys):
    """And its beginning; the verdicts are those of --only."""
    slugs = ("gaussian/accumulate/limit", "mixed/keep-real")
    for slug, glob in zip(slugs, (slugs[0], slugs[1] + "/*"), strict=True):
        told = []
        for arguments in ([slug], ["--only", glob]):
            assert main(["verify", *arguments, "--json", "--quiet"]) == 0
            told.append(json.loads(capsys.readouterr().out)["verdicts"])
        assert told[0] == told[1]
        assert [v["slug"] for v in told[0]] == [t.slug for t in mc.theorems(glob)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["kde/replace/test-loss-liner"],
            "unknown family or theorem 'kde/replace/test-loss-liner'",
        ),
        (["kde/replace/test-loss-liner"], f"did you mean {ONE}"),
        (["gausian"], "did you mean gaussian"),
        ([ONE, "--only", "kde/*"], "give one"),
        ([ONE, "--samples", "10"], "samples needs a family"),
        ([ONE, "replace"], "workflow needs a family"),
        ([ONE, "--effect", "0.1"], "effect needs a family"),
    ],
)
def test_verify_refuses_what_is_no_slug(capsys, arguments, said):
    """With the nearest families and slugs, or with what does not go together."""
    assert said in wrong(capsys, "verify", *arguments)


@pytest.mark.parametrize("width", [60, 200])
def test_the_columns_are_explained(capsys, monkeypatch, width):
    """Under the table, in its own words, and in the help; nothing shows a sign of markup."""
    monkeypatch.setattr("modelcollapse.cli.output.FULL_WIDTH", width)
    assert main(["verify", "gaussian/accumulate/limit"]) == 0
    out = capsys.readouterr().out
    assert "[/]" not in out
    for name in ("gap", "allowed", "near"):
        assert name in verify.COLUMNS
        assert f"\n{name}: " in out
    assert main(["verify", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the gap between them" in said
    assert "near misses, wrong variants of the theorem" in said
