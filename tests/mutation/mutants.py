"""Mutants of a Python file: each changes one expression or statement, by its syntax tree.

Left alone is what changes no number and no decision: docstrings, annotations, decorators, texts
of messages and type-checking imports.
"""

import ast
import copy
import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
SKIPPED = {"annotation", "returns", "decorator_list", "type_params"}


@dataclass(frozen=True)
class Mutant:
    """One change of a file: its kind, the lines of the changed node, and the new text."""

    path: str
    kind: str
    first: int
    last: int
    before: str
    place: tuple[int, int]
    new: str

    @cached_property
    def after(self) -> str:
        """The changed file."""
        data, (begin, end) = self.before.encode(), self.place
        return (data[:begin] + self.new.encode() + data[end:]).decode()

    @cached_property
    def diff(self) -> str:
        """The change as a unified diff."""
        texts = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(*texts, f"a/{self.path}", f"b/{self.path}", n=2))

    @property
    def change(self) -> tuple[str, str]:
        """The lines taken away and the lines put in their place, which name it in a list."""
        lines = self.diff.splitlines()[2:]
        old, new = (
            " ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+"
        )
        return old, new

    @property
    def differs(self) -> bool:
        """Whether the changed file is another program."""
        return ast.dump(ast.parse(self.after)) != ast.dump(ast.parse(self.before))


def of(path: str, text: str) -> list[Mutant]:
    """Return all mutants of a file; a few are the file itself, written differently."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = {}
    for kind, node, new in _changes(ast.parse(text), inside=False):
        begin = starts[node.lineno - 1] + node.col_offset
        place = begin, starts[node.end_lineno - 1] + node.end_col_offset
        found[place, new] = Mutant(path, kind, node.lineno, node.end_lineno, text, place, new)
    return list(found.values())


def sample(by_file: dict[str, Sequence[Mutant]], seed: int) -> Iterator[Mutant]:
    """Yield mutants in rounds, one of each file in a round, every kind of change as likely."""
    rng = random.Random(seed)  # noqa: S311 - the choice is to be repeatable
    left = {path: list(mutants) for path, mutants in sorted(by_file.items()) if mutants}
    while left:
        for path in rng.sample(sorted(left), len(left)):
            kind = rng.choice(sorted({mutant.kind for mutant in left[path]}))
            chosen = rng.choice([mutant for mutant in left[path] if mutant.kind == kind])
            left[path].remove(chosen)
            if not left[path]:
                del left[path]
            if chosen.differs:
                yield chosen


def _changes(node: ast.AST, *, inside: bool) -> Iterator[tuple[str, ast.AST, str]]:
    """Yield (kind, node, text in its place) of a node and all beneath it."""
    if isinstance(node, ast.Raise):
        yield "raise", node, "pass"
        return
    if isinstance(node, (ast.JoinedStr, ast.Assert)) or _for_types(node):
        return
    if isinstance(node, ast.expr):
        for kind, new in _expression(node, inside=inside):
            yield kind, node, f"({ast.unparse(new)})"
    elif isinstance(node, ast.stmt):
        yield from _statement(node)
    inside = inside or isinstance(node, (ast.FunctionDef, ast.Lambda))
    for field, value in ast.iter_fields(node):
        if field not in SKIPPED:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _changes(child, inside=inside)


def _for_types(node: ast.AST) -> bool:
    """Return whether a node is there for a type checker only."""
    named = isinstance(node, ast.If) and isinstance(node.test, ast.Name)
    return named and node.test.id == "TYPE_CHECKING"


def _expression(node: ast.expr, *, inside: bool) -> Iterator[tuple[str, ast.expr]]:
    """Yield the kinds of change of one expression, with what comes in its place."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            new = copy.deepcopy(node)
            new.ops[i] = COMPARISONS[type(op)]()
            yield "comparison", new
    elif isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in OPERATORS:
        if inside or not isinstance(node.op, ast.BitOr):  # outside functions it joins types
            new = copy.deepcopy(node)
            new.op = OPERATORS[type(node.op)]()
            yield "operator", new
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield "operator", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        yield from (("constant", ast.Constant(value)) for value in _numbers(node.value))
    elif isinstance(node, ast.IfExp):
        yield "guard", ast.IfExp(_negated(node.test), node.body, node.orelse)


def _numbers(value: float) -> list[float]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1] if value > 0 else [value + 1]
    return [2 * value, value / 2] if value else [1.0]


def _statement(node: ast.stmt) -> Iterator[tuple[str, ast.AST, str]]:
    """Yield the changes of one statement."""
    if isinstance(node, (ast.If, ast.While)):
        yield "guard", node.test, f"(not ({ast.unparse(node.test)}))"
    elif isinstance(node, ast.Return) and node.value is not None:
        empty = isinstance(node.value, ast.Constant) and node.value.value is None
        yield "return", node, "pass" if empty else "return None"
    elif isinstance(node, ast.Return):
        yield "return", node, "pass"
    elif _removable(node):
        yield "deletion", node, "pass"


def _removable(node: ast.stmt) -> bool:
    """Return whether a statement can go without leaving a name undefined."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    return isinstance(node, (ast.Continue, ast.Break, ast.AugAssign))


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)
