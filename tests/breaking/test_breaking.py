"""A tenth of what `python -m tests.breaking` tries."""

from pathlib import Path

from modelcollapse._support import sealed
from tests.breaking.flips import flips


def test_flipped_bits(tmp_path):
    """Every one is found, or changes nothing."""
    assert list(flips(60, 1, tmp_path / "work")) == []


def test_flips_are_seen(tmp_path, monkeypatch):
    """Without the digests, other numbers come back in many of them."""
    monkeypatch.setattr(sealed, "_checked", Path.read_bytes)
    assert len(list(flips(60, 1, tmp_path / "work"))) > 5
