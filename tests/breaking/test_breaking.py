"""A part of what `python -m tests.breaking` tries, and that it sees what is wrong."""

import sys
from pathlib import Path

import pytest

import modelcollapse as mc
from modelcollapse._support import sealed
from tests.breaking import calls as of_calls
from tests.breaking import lines as of_lines
from tests.breaking.calls import calls
from tests.breaking.flips import flips
from tests.breaking.kills import kills
from tests.breaking.lines import lines


def test_flipped_bits(tmp_path):
    """Every one is found, or changes nothing."""
    assert list(flips(60, 1, tmp_path / "work")) == []


def test_flips_are_seen(tmp_path, monkeypatch):
    """Without the digests, other numbers come back in many of them."""
    monkeypatch.setattr(sealed, "_checked", Path.read_bytes)
    assert len(list(flips(60, 1, tmp_path / "work"))) > 5


def test_command_lines(tmp_path, monkeypatch, tries):
    """Each ends with a status and, if it is wrong use, a short message."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert list(lines(tries(40, 200), 1, tmp_path / "work")) == []


def test_command_lines_are_seen(tmp_path, monkeypatch):
    """A traceback, a wrong status and a message that is too long."""
    for ending in (ZeroDivisionError, 3, "long"):

        def main(line, ending=ending):
            del line
            if ending == 3:
                return 3
            if ending == "long":
                print("modelcollapse: " + "x" * 999, file=sys.stderr)
                return 2
            raise ending

        monkeypatch.setattr(of_lines, "main", main)
        assert len(list(lines(3, 1, tmp_path / str(ending)))) == 3


def test_calls(tmp_path):
    """Each returns, or raises an error of the package with a short message."""
    assert list(calls(500, 1, tmp_path / "work")) == []


def test_calls_are_seen(tmp_path, monkeypatch):
    """An error of another kind, and a message that is too long."""

    def broken(value):
        raise value

    broken.__module__ = "modelcollapse.broken"
    monkeypatch.setattr(of_calls, "called", lambda _: [("broken", broken)])
    for ending in (TypeError("no"), mc.InvalidInput("x" * 999), mc.InvalidInput("a\x07")):
        monkeypatch.setattr(of_calls, "odd", lambda ending=ending: [ending])
        found = list(calls(1, 1, tmp_path / str(id(ending))))
        assert len(found) == (0 if "\x07" in ending.args[0] else 1)  # what it holds is escaped


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes cannot be listed here")
def test_kills(tmp_path, tries):
    """Nothing is lost or changed, and no process left."""
    assert list(kills(tries(3, 10), 1, tmp_path / "work")) == []
