"""``modelcollapse excess``."""

import json

import pytest

from modelcollapse import cli, solver
from modelcollapse.workflows import Accumulate, Edit


def test_a_table_for_people(capsys):
    """Inflation, effective rows, excess, and the loss where it was split."""
    options = "excess --workflow accumulate --samples 1000 --generations 3"
    assert cli.main([*options.split(), "--losses", "3.2,3.05", "--at", "1000,4000"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].split() == ["generation", "inflation", "effective", "rows", "excess", "loss"]
    assert [line.split() for line in shown[2:4]] == [
        ["1", "1", "1000", "0.2", "3.2"],
        ["2", "1.25", "800", "0.25", "3.25"],
    ]


def test_numbers_for_programs(capsys):
    """The same as the solver's; without a first excess there is none."""
    assert (
        cli.main(
            [
                "excess",
                "--workflow",
                "accumulate",
                "--generations",
                "4",
                "--parameters",
                "6",
                "--json",
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told["sizes"] == [100] * 4
    assert told["excess"] == pytest.approx(
        solver.excess_loss(Accumulate(), [100] * 4, parameters=6).tolist()
    )
    assert (
        cli.main(["excess", "--workflow", "edit", "--edits", "3,1", "--samples", "9", "--json"])
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    edited = Edit(rows=(3, 1))
    assert told["inflation"] == solver.inflation(edited, edited.batch_sizes(9, 3)).tolist()
    assert told["excess"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--first 0.1 --parameters 3", "give one of the two"),
        ("--losses 3.2,3.05", "losses is given without at"),
        ("--losses 3.2,3.05 --at 10,20 --first 1", "give one"),
        ("--losses a,b --at 10,20", "losses = 'a,b'"),
        ("--workflow edit", "needs edits or share"),
    ],
)
def test_wrong_use_is_one_line(options, message, capsys):
    """The exit status is 2, and nothing is printed but the reason."""
    assert cli.main(["excess", *options.split()]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert not shown.out
