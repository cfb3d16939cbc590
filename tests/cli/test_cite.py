"""``modelcollapse cite``: the package, the paper, and what a theorem or a command builds on."""

import json

import pytest

import modelcollapse as mc
from modelcollapse.cli import COMMANDS, main
from modelcollapse.ledger.references import PAPER, REFERENCES, package
from tests.cli.test_cli import wrong

OWN = "kde/replace/test-loss-linear"  # derived here
THEIRS = "discrete/replace/heterozygosity"  # of a paper
PAPERS = "arXiv 2410.16713"


def printed(capsys, *words):
    """Return what the command prints, where it succeeds and says nothing else."""
    assert main(["cite", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def works(capsys, *words):
    """Return the works of the command's JSON, each with what it is."""
    told = json.loads(printed(capsys, *words, "--json"))
    assert set(told) == {"theorem", "works"}
    return told["theorem"], [(work["role"], work["key"]) for work in told["works"]]


def test_a_theorem(capsys):
    """The package with the theorem, the paper, and the theorem's own source."""
    (theorem,) = mc.theorems(THEIRS)

    assert printed(capsys, THEIRS).split("\n\n") == [
        package(f"Theorem {THEIRS} ({theorem.source})").text,
        REFERENCES[PAPER].text,
        REFERENCES["seddik2024"].text + "\n",
    ]
    own, listed = works(capsys, THEIRS)
    assert own == json.loads(json.dumps(theorem.row()))
    assert listed == [("package", "modelcollapse"), ("paper", PAPER), ("source", "seddik2024")]


def test_every_theorem_has_its_works():
    """Its slug and its source are said, whatever else is."""
    from modelcollapse.cli.cite import _works

    for theorem in mc.theorems():
        (_, own), *others = _works(theorem, theorem.slug)
        assert theorem.slug in own.text
        assert theorem.source in own.text
        assert len({work.key for _, work in others}) == len(others) >= 1


def test_the_paper_is_listed_once(capsys):
    """Also where it is the theorem's source."""
    theorem = next(t for t in mc.theorems() if t.source.startswith(PAPERS))
    assert works(capsys, theorem.slug)[1] == [("package", "modelcollapse"), ("paper", PAPER)]


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_a_command(capsys, name):
    """The package and the paper; of diagnose, whose definitions it decides by."""
    theorem, listed = works(capsys, *[name][: name is not None])

    assert theorem is None
    assert listed[:2] == [("package", "modelcollapse"), ("paper", PAPER)]
    assert listed[2:] == ([("source", "schaeffer2025")] if name == "diagnose" else [])


def test_bibtex(capsys):
    """One entry for each work."""
    out = printed(capsys, OWN, "--bibtex")

    own = package(f"Theorem {OWN} (derived here: theory/kde.py)")
    assert out == f"{own.bibtex}\n\n{REFERENCES[PAPER].bibtex}\n"
    for line in ("@software{modelcollapse,", f"  version = {{{mc.__version__}}},"):
        assert line in out.splitlines()
    assert (
        "  author = {J. Kazdan and R. Schaeffer and A. Dey and M. Gerstgrasser and "
        "R. Rafailov and D. L. Donoho and S. Koyejo},\n" in out
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["kde/replace/test-loss-liner"], f"did you mean {OWN}"),
        (["simulat"], "unknown theorem or command 'simulat'; did you mean simulate"),
        (["kde/replace"], "unknown theorem or command"),
        (["--bibtex", "--json"], "give one"),
    ],
)
def test_wrong_names_are_one_line(capsys, arguments, said):
    """With the nearest names."""
    assert said in wrong(capsys, "cite", *arguments)
