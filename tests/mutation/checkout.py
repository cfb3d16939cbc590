"""A private copy of the checkout, in which mutants are tried, with its compiled functions.

numba keeps compiled functions beside the source, by the time and size of that file alone. A
mutant gets a time of its own; what calls a compiled function of it, from other files, is compiled
afresh, and the old files are put back afterwards.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.mutation.mutants import Mutant

ROOT = Path(__file__).parents[2]
COMPILED = re.compile(r"^@(compiled|inlined|numba|njit|vectorize)\b", re.MULTILINE)
STEP = 2  # seconds between the times of two mutants of a file: Python's caches know whole ones


class Run(NamedTuple):
    """How a run of pytest ended; the status is None if it hung."""

    status: int | None
    output: str


class Checkout:
    """A copy of the checkout in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def update(self) -> None:
        """Bring the copy's tracked and new files up to date, keeping caches of those that stay."""
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
        there = [name for name in names.decode().split("\0") if name and (ROOT / name).exists()]
        for name in there:
            source, target = ROOT / name, self.folder / name
            if not target.exists() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
                if target.suffix == ".py" and target.is_relative_to(self.folder / "modelcollapse"):
                    self._clear()
        for target in [*self.folder.rglob("*.py")]:
            if target.relative_to(self.folder).as_posix() not in there:
                target.unlink()

    def twin(self, folder: Path) -> "Checkout":
        """Return a second copy, with what is compiled."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return Checkout(folder)

    def _clear(self) -> None:
        for cache in self.folder.rglob("__pycache__"):
            shutil.rmtree(cache)

    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """Put a mutant into its file."""
        target = self.folder / mutant.path
        before = target.stat()
        self.count += 1
        time = int(before.st_mtime) + STEP * self.count
        with self._set_aside({target, *self.recompiled(mutant)}):
            try:
                target.write_text(mutant.after, encoding="utf-8")
                os.utime(target, (time, time))
                yield
            finally:
                target.write_text(mutant.before, encoding="utf-8")
                os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))

    def recompiled(self, mutant: Mutant) -> list[Path]:
        """Return the files whose compiled functions may hold something of the mutant's file."""
        files = {}
        for path in (self.folder / "modelcollapse").rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if COMPILED.search(text):
                files[path.relative_to(self.folder).as_posix()] = text
        reached = {mutant.path} if mutant.path in files or _is_global(mutant) else set()
        for _ in files:
            names = {module(path) for path in reached}
            reached |= {path for path, text in files.items() if names & imported(text)}
        return [self.folder / path for path in reached]

    @contextmanager
    def _set_aside(self, sources: set[Path]) -> Iterator[None]:
        aside = self.folder.with_name(f"{self.folder.name}-aside")
        aside.mkdir(exist_ok=True)
        moved = [cache for path in sources for cache in _caches(path)]
        for i, cache in enumerate(moved):
            cache.rename(aside / str(i))
        try:
            yield
        finally:
            for cache in [cache for path in sources for cache in _caches(path)]:
                cache.unlink()
            for i, cache in enumerate(moved):
                (aside / str(i)).rename(cache)

    def pytest(self, arguments: Sequence[str], more: dict[str, str], seconds: float) -> Run:
        """Run pytest in the copy; after so many seconds of wall time it hangs."""
        env = os.environ | more | {"PYTHONPATH": f"{self.folder}{os.pathsep}{_own_path()}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            return Run(None, output)
        return Run(process.returncode, output)


def _own_path() -> str:
    return os.environ.get("PYTHONPATH", "")


def module(path: str) -> str:
    """Return the name under which a file is imported."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(text: str) -> set[str]:
    """Return the modules that a file may import, and the names that it imports from them."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def _caches(path: Path) -> list[Path]:
    """Return the compiled functions of a file, and its byte code."""
    return [
        cache
        for cache in path.parent.glob(f"__pycache__/{path.stem}.*")
        if cache.suffix in (".nbi", ".nbc", ".pyc")
    ]


def _is_global(mutant: Mutant) -> bool:
    """Return whether a mutant changes what is outside of all functions and classes."""
    return not any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and node.lineno <= mutant.first <= node.end_lineno
        for node in ast.parse(mutant.before).body
    )
