"""The documentation as the tests read it: its pages, and their snippets with what they print.

A fenced block marked ``python`` or ``sh`` is a snippet, and a block marked ``text`` after it is all
that it prints; there "..." stands for anything, and white space for white space. A block without a
mark is a part of what the snippet before it prints.
"""

import contextlib
import doctest
import io
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from modelcollapse.cli import main
from modelcollapse.docs import ledger

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TUTORIAL = ledger.PAGE.with_name("tutorial.md")
HOSTED = tuple(sorted((ROOT / ".github").glob("*.md")))  # which a host shows at their places
PAGES = (README, *sorted(ledger.PAGE.parent.glob("*.md")))
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A fenced block: its page, section, first line and mark, the code, and the block after it."""

    page: Path
    section: str
    line: int
    mark: str
    code: str
    shown: "Block | None" = None

    @property
    def where(self):
        """Return the place, as an editor takes it."""
        return f"{self.page}:{self.line}"


def blocks(page):
    """Return the snippets of a page, each with what is shown below it."""
    text, found = page.read_text(encoding="utf-8"), []
    for fence in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, fence.start()) + 2
        section = re.findall(r"^## (.*)$", text[: fence.start()], re.MULTILINE)[-1:] or [""]
        block = Block(page, section[0], line, fence[1], fence[2])
        if block.mark in ("text", "") and found and found[-1].shown is None:
            found[-1] = found[-1]._replace(shown=block)
        else:
            found.append(block)
    return found


def padded(block):
    """Return the code at the line where the page has it, so that errors name that line."""
    return "\n" * (block.line - 1) + block.code


def printed(block, names):
    """Run a snippet and return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if block.mark == "python":
            exec(compile(padded(block), block.page, "exec"), names)  # noqa: S102 - our own page
        else:
            for line in block.code.replace("\\\n", " ").splitlines():
                program, *arguments = shlex.split(line)
                assert program == "modelcollapse", f"{block.where}: cannot run {line!r}"
                assert main(arguments) == 0, f"{block.where}: {line}"
    return out.getvalue()


def differences(want, got):
    """Return how an output differs from what a page shows, or nothing."""
    if doctest.OutputChecker().check_output(want, got, LOOSE):
        return ""
    return doctest.OutputChecker().output_difference(doctest.Example("", want), got, LOOSE)
