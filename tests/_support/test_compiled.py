"""Compiled functions against the same functions run by Python, which checks every index."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile

import modelcollapse
from modelcollapse._support.compiled import compiled
from modelcollapse.cli import main
from tests.helpers import every_kernel

EPS = np.finfo(float).eps


def test_compiled_functions_do_what_their_code_says(tmp_path):
    """All of them are called, none reads or writes beyond an array, and the numbers agree.

    The random numbers are the same; sums in another order differ by some thousand roundings.
    """
    path = tmp_path / "numbers.npz"
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.helpers.every_kernel", str(path)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    table = np.load(path)
    assert every_kernel.kernels() <= set(json.loads(str(table["called"])))
    with np.errstate(all="ignore"):  # a degenerate fit has the logarithm of 0
        numbers = every_kernel.numbers()
    for name, value in numbers.items():
        np.testing.assert_allclose(
            value, table[name], rtol=1e4 * EPS, atol=1e4 * EPS, equal_nan=True, err_msg=name
        )
    assert set(numbers) | {"called"} == set(table.files)


def test_a_number_written_out_has_no_version_of_its_own():
    """Called with 0, True and a variable, a function is compiled once for each type."""

    @compiled
    def chosen(x, positive):
        return x + 1 if positive else x - 1

    @compiled
    def calls(n):
        return chosen(0, positive=True) + chosen(1, positive=False) + chosen(n, positive=n > 0)

    assert calls(3) == 5
    assert [str(kind) for kind in chosen.signatures] == ["(int64, bool)"]


@pytest.fixture
def doubled(tmp_path, monkeypatch):
    """Return how to compile a function afresh, whose cache is a folder of its own."""
    path = tmp_path / "module.py"
    path.write_text("def double(x):\n    return 2 * x\n")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))

    def make():
        spec = spec_from_file_location("module", path)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return compiled(module.double)

    return make


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("whole", [20, 0], ids=["truncated", "empty"])
@pytest.mark.parametrize("rest", [b"", b"garbage"], ids=["short", "garbage"])
def test_a_damaged_cache_is_none(tmp_path, doubled, ending, whole, rest):
    """The function is compiled again, and the next process finds it."""
    assert doubled()(2) == 4
    (kept,) = (tmp_path / "cache").rglob(f"*.{ending}")
    kept.write_bytes(kept.read_bytes()[:whole] + rest)
    for hits in (0, 1):
        again = doubled()
        assert again(2) == 4
        assert sum(again.stats.cache_hits.values()) == hits


def test_a_full_disk_does_not_stop_a_loop(tmp_path, doubled, monkeypatch):
    """What cannot be kept is computed with all the same."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    assert doubled()(2) == 4
    assert not list((tmp_path / "cache").rglob("*.nbc"))


SIZE = ["--samples", "5", "--generations", "3", "--replicates", "2000"]
SIMULATE = ["simulate", "gaussian", *SIZE, "--jobs", "2", "--json"]


@pytest.mark.parametrize("temporary", [True, False])
def test_no_folder_can_be_written(tmp_path, capsys, temporary):
    """The same numbers, from workers that compile in a temporary folder or in memory, and a word.

    To root every folder can be written: here they are below, or are, regular files.
    """
    root = tmp_path / "package"
    package = Path(modelcollapse.__file__).parent
    shutil.copytree(package, root / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [path.parent for path in root.rglob("*.py")]:
        (folder / "__pycache__").write_text("")
    own = tmp_path / f"modelcollapse-{os.getuid()}"
    if not temporary:
        own.write_text("")
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), "/dev/null/none")
    environment = os.environ | nowhere | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(root)}
    assert main(SIMULATE) == 0
    expected = json.loads(capsys.readouterr().out)

    for run in range(1 + temporary):
        command = [sys.executable, "-m", "modelcollapse", *SIMULATE]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == expected
        told = [line for line in done.stderr.splitlines() if "replicates" not in line]  # progress
        assert len(told) == (run == 0)
        assert all((f"in {own}" if temporary else "in memory") in line for line in told)
    assert own.is_dir() == temporary


def test_a_temporary_folder_of_others_is_left(tmp_path, monkeypatch):
    """What others may write there would be run."""
    from modelcollapse._support.compiled import _temporary

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = _temporary()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert _temporary() == folder
    folder.chmod(0o770)
    with pytest.raises(PermissionError, match="not this user's alone"):
        _temporary()
