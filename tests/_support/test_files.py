"""Files and folders that are whole or absent."""

import pytest

from modelcollapse._support.files import replacing_folder


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path):
    """What the block writes is there, and nothing else."""
    with replacing_folder(tmp_path / "made") as partial:
        (partial / "a").write_text("one")
        assert not (tmp_path / "made").exists()

    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made" / "a").read_text() == "one"


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    """The error is passed on, and the temporary folder is removed."""

    def made():
        with replacing_folder(tmp_path / "made") as partial:
            (partial / "a").write_text("one")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        made()
    assert list(tmp_path.iterdir()) == []
