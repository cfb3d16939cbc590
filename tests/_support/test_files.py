"""Writing files: nothing is left half-written, and nothing of others is touched."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

import modelcollapse as mc
from modelcollapse._support.files import check_writable, clear, replacing, replacing_folder

LEFT = "a.txt.0123abcd.partial"


def test_a_new_folder_appears_whole(tmp_path):
    """Its name comes last."""
    with replacing_folder(tmp_path / "made") as partial:
        (partial / "deep").mkdir()
        (partial / "deep" / "file.txt").write_text("content")
        assert not (tmp_path / "made").exists()

    assert (tmp_path / "made" / "deep" / "file.txt").read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.mark.parametrize("make", [replacing, replacing_folder])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(tmp_path, make, error):
    """Whatever ends the block."""

    def made():
        with make(tmp_path / "made") as partial:
            (partial if partial.is_file() else partial / "file").write_text("half")
            raise error

    with pytest.raises(error):
        made()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_permissions_stay(tmp_path, mode):
    """Those of the file that is replaced; a new one has the usual ones."""
    path, usual = tmp_path / "a.txt", tmp_path / "usual"
    usual.touch()
    for number in range(2):
        with replacing(path) as partial:
            partial.write_text(f"{number}")
        assert path.stat().st_mode == usual.stat().st_mode if number == 0 else True
        path.chmod(mode)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("1", mode)


def test_a_symbolic_link_stays_one(tmp_path):
    """What it points to is written, also where that is not there yet."""
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "link.txt", tmp_path / "elsewhere" / "target.txt"
    link.symlink_to(target)
    for text in ("first", "second"):
        check_writable("output", link)
        with replacing(link) as partial:
            partial.write_text(text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert len(list(tmp_path.rglob("*"))) == 3


def test_what_a_killed_writer_left_is_removed(tmp_path):
    """And nothing else: not what a living one is writing, nor what merely looks like it."""
    others = ["b.txt.0123abcd.partial", "a.txt.partial", "a.txt.0123ABCD.partial", "xa.txt"]
    for name in [*others, LEFT]:
        (tmp_path / name).write_text("mine")
    (tmp_path / "deep").mkdir()
    shutil.copy(tmp_path / LEFT, tmp_path / "deep" / LEFT)
    with replacing(tmp_path / "a.txt") as partial, replacing_folder(tmp_path / "made") as folder:
        check_writable("output", tmp_path / "a.txt")
        clear(tmp_path, "made")
        partial.write_text("done")
        assert folder.is_dir()

    assert (tmp_path / "a.txt").read_text() == "done"
    assert not (tmp_path / LEFT).exists()
    assert (tmp_path / "deep" / LEFT).exists()
    assert all((tmp_path / name).exists() for name in others)


@pytest.mark.parametrize("make", ["replacing", "replacing_folder"])
def test_a_killed_writer(tmp_path, make):
    """What a process that was killed with -9 was writing is removed by the next one."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        f"from modelcollapse._support.files import {make} as make\n"
        "with make(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.txt"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    clear(tmp_path, r"a\.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_is_no_file_is_not_replaced(tmp_path):
    """A pipe or a device stays what it is."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(mc.InvalidInput, match="is no regular file"):
        check_writable("output", tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "pipe.csv")
    for name in ("pipe.csv", "link.csv"):
        with pytest.raises(mc.InvalidInput, match="is no regular file"), replacing(tmp_path / name):
            pass
    assert (tmp_path / "pipe.csv").is_fifo()
    with pytest.raises(mc.InvalidInput, match="is a directory"):
        check_writable("output", tmp_path)
    with pytest.raises(mc.InvalidInput, match="there is no folder"):
        check_writable("output", tmp_path / "no" / "a.csv")
