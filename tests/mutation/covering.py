"""Which tests cover which lines, found once by running them under coverage.py, and kept.

What numba has compiled is not seen there, nor what other processes run: for those lines the tests
count that cover the functions that use theirs, by name and imports.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.mutation.checkout import Checkout, imported, module
from tests.mutation.mutants import Mutant

ABOUT = 4  # so many files of tests are tried before all others
HANGS = 3600  # seconds of wall time of one file of tests without a mutant


class Cover:
    """The tests of a checkout: their times, and the lines that they run."""

    def __init__(self, checkout: Checkout, kept: Path, skipped: Iterable[str]) -> None:
        self.folder = checkout.folder
        self.checkout, self.kept = checkout, kept
        self.files = [
            path
            for path in sorted((self.folder / "tests").rglob("test_*.py"))
            if not any(path.match(pattern) for pattern in skipped)
        ]
        self.kept.mkdir(parents=True, exist_ok=True)
        tables = [self._table(path) for path in self.files]
        self.seconds = {k: v for table in tables for k, v in table["seconds"].items()}
        self.failed = {name for table in tables for name in table["failed"]}
        self.lines: dict[str, dict[int, set[str]]] = {}
        self.counts: dict[str, dict[str, int]] = {}
        for path, table in zip(self.files, tables, strict=True):
            name = path.relative_to(self.folder).as_posix()
            self.counts[name] = {file: len(seen) for file, seen in table["lines"].items()}
            tests = list(table["seconds"])
            for file, seen in table["lines"].items():
                lines = self.lines.setdefault(file, {})
                for line, numbers in seen.items():
                    lines.setdefault(int(line), set()).update(tests[i] for i in numbers)

    def _table(self, path: Path) -> dict[str, Any]:
        """Return what one file of tests covers, from the last time if nothing has changed."""
        kept = self.kept / f"{path.stem}-{_digest([*self.sources, path])}.json"
        if not kept.exists():
            print(f"recording what {path.name} covers", flush=True)
            name = path.relative_to(self.folder).as_posix()
            more = {"MUTATION_RECORD": str(kept)}
            run = self.checkout.pytest([name, "-p", "tests.mutation.recording"], more, HANGS)
            if not kept.exists():
                raise RuntimeError(f"{path.name} could not be run: {run.output[-2000:]}")
        return json.loads(kept.read_text(encoding="utf-8"))

    @cached_property
    def sources(self) -> list[Path]:
        """The files that what a test covers depends on, besides its own."""
        return sorted((self.folder / "modelcollapse").rglob("*.py"))

    @cached_property
    def functions(self) -> list[tuple[str, ast.FunctionDef, set[str]]]:
        """All functions of the package with their file and the names in them."""
        return [
            (path.relative_to(self.folder).as_posix(), node, set(_names(node)))
            for path in sorted((self.folder / "modelcollapse").rglob("*.py"))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        ]

    def stages(self, mutant: Mutant) -> list[list[str]]:
        """Return the tests that may kill a mutant: of the files about its file first, then others.

        In each stage those that run its lines come first, the fastest ahead, then the others of
        their files, which may look at what these have computed.
        """
        near = self._of_lines(mutant.path, range(mutant.first, mutant.last + 1))
        near = (near or self._of_names(mutant)) - self.failed
        ranked = sorted(
            {file_of(name) for name in near}, key=lambda file: (-self._share(file, mutant), file)
        )
        stages = []
        for files in (set(ranked[:ABOUT]), set(ranked[ABOUT:])):
            tests = [name for name in self.seconds if file_of(name) in files]
            tests.sort(key=lambda name: (name not in near, self.seconds[name]))
            stages.append([name for name in tests if name not in self.failed])
        return [tests for tests in stages if tests]

    def _share(self, file: str, mutant: Mutant) -> float:
        """Return the share that a mutant's file has in the lines that a file of tests runs."""
        counts = self.counts[file]
        return counts.get(mutant.path, 0) / sum(counts.values())

    def _of_lines(self, path: str, lines: Iterable[int]) -> set[str]:
        seen = self.lines.get(path, {})
        return {name for line in lines for name in seen.get(line, ())}

    def _of_names(self, mutant: Mutant) -> set[str]:
        """Return the tests of the functions around a line, or of those that name what it is of."""
        around = [
            node
            for path, node, _ in self.functions
            if path == mutant.path and node.lineno <= mutant.first <= node.end_lineno
        ]
        for node in reversed(around):
            if found := self._of_body(mutant.path, node):
                return found
        names = {node.name for node in around} or _assigned(mutant)
        wanted, tried = {(mutant.path, name) for name in names}, set()
        while wanted - tried:
            users = [
                use for use in self.functions if any(self._uses(use, *name) for name in wanted)
            ]
            tried |= wanted
            if found := {name for path, node, _ in users for name in self._of_body(path, node)}:
                return found
            wanted = {(path, node.name) for path, node, _ in users}
        return self._of_lines(mutant.path, self.lines.get(mutant.path, {}))

    def _uses(self, use: tuple[str, ast.FunctionDef, set[str]], path: str, name: str) -> bool:
        """Return whether a function may use a name of a file: of its own, or of one it imports."""
        file, _, names = use
        if name not in names or file == path:
            return name in names
        home = module(path)
        packages = [home.rsplit(".", i)[0] for i in range(1, home.count("."))]
        return home in self.imports[file] or any(
            f"{package}.{name}" in self.imports[file] for package in packages
        )

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """What each file of the package imports."""
        return {
            path.relative_to(self.folder).as_posix(): imported(path.read_text(encoding="utf-8"))
            for path in self.sources
        }

    def _of_body(self, path: str, node: ast.FunctionDef) -> set[str]:
        return self._of_lines(path, range(node.body[0].lineno, node.end_lineno + 1))


def file_of(test: str) -> str:
    """Return the file of a test."""
    return test.partition("::")[0]


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _names(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr


def _assigned(mutant: Mutant) -> set[str]:
    """Return the names that the statement of a mutant, outside of all functions, defines."""
    for node in ast.parse(mutant.before).body:
        if node.lineno <= mutant.first <= node.end_lineno:
            if isinstance(node, ast.ClassDef):
                return {node.name}
            return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return set()
