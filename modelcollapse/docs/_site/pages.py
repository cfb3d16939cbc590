"""The pages that the code gives: one for each theorem, proofs, commands, and the API.

They stand in ``reference/`` beside the other pages, for as long as the site is built from them.
"""

import ast
import importlib
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import modelcollapse as mc
from modelcollapse.cli import app
from modelcollapse.docs.ledger import text
from modelcollapse.ledger.theorem import Theorem, theorems

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parents[1]
FOLDER = "reference"
# Public rooms that are imported by their own names; the others are attributes of the package.
ROOMS = ("workflows", "testing", "language", "sweep", "reproduce")
COLUMNS = 6  # of the ledger's tables
GALLERY = "(gallery/README.rst", "(pictures/index.rst"  # its scripts, and what they make
FAMILY = "family-"  # how the names of pages begin that lead from formulas to theorems
# Where the members of other packages' classes begin, of which theirs is the place to tell.
FOREIGN = "BaseEstimator, BaseException, Mapping, Protocol, dict, list, object, tuple"


def pages() -> dict[str, str]:
    """Return the text of each page by its path within the folder."""
    return {
        "readme.md": readme(),
        "changelog.md": "```{include} ../../../CHANGELOG.md\n```\n",
        "commands.md": commands(),
        "scorer.js": scorer(),
        "errors.rst": errors(),
        **{f"ledger/{theorem.slug}.md": entry(theorem) for theorem in theorems()},
        **dict(_proofs()),
        **dict(_api()),
    }


def write(folder: Path = DOCS / FOLDER) -> None:
    """Make the folder hold the pages, and no others; a page that has not changed is left alone."""
    wanted = {folder / name: told for name, told in pages().items()}
    for path in folder.rglob("*.*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, told in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != told:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(told, encoding="utf-8")


def readme() -> str:
    """Return the repository's first page, with links from the place of the site's."""
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    told = told.replace("](modelcollapse/docs/", "](").replace("](modelcollapse/", "](../")
    return told.replace("](LICENSE)", "](../../LICENSE)").replace(*GALLERY)


def entry(theorem: Theorem) -> str:
    """Return the page of an entry of the ledger."""
    up = "../" * theorem.slug.count("/")
    room = theorem.slug.partition("/")[0]
    claim = theorem.claim
    decided = "computed, without chance" if claim.design is None else "simulated"
    near = "".join(f"- {text(name)}\n" for name in getattr(claim, "near", ()))
    found = f"\n*Keywords:* {text(theorem.keywords)}.\n" if theorem.keywords else ""
    return f"""---
orphan: true
---

# {theorem.slug}

{text(theorem.statement)}

$$
{theorem.latex}
$$

Verify this one:

```sh
modelcollapse verify --only '{theorem.slug}'
```

:Assumptions: {text(theorem.assumptions)}
:Source: {_source(theorem.source, up)}
:Kind: {theorem.kind}; expected verdict: {theorem.expected}
:Evidence: {decided}
:Checked at: {text(theorem.parameters)}

## Near misses

Wrong variants of the statement, each of which the same evidence has to reject.

{near or "None."}
{found}
[What a verdict means](../{up}../how-to-theorem.md#read-the-table);
[all proofs](../{up}proofs.md);
[all theorems of {room}](../{up}../ledger.md#{_anchor(room)}).
"""


def commands() -> str:
    """Return the command line's own help: every command with all its options."""
    told = app().generate_docs(output_format="markdown")
    head, _, rest = told.partition("## Table of Contents")  # the site has its own
    body = rest[rest.index("\n## ") :]
    head = head.replace("# modelcollapse\n", "# Commands\n", 1)
    return re.sub(r"\[(`[^`]*`)\]\(#[^()]*\)", r"\1", head + body)


def scorer() -> str:
    """Return the program that orders what a search finds; it knows the theorems' keywords."""
    known = {f"{FOLDER}/ledger/{one.slug}": one.keywords for one in theorems() if one.keywords}
    program = Path(__file__).with_name("scorer.js").read_text(encoding="utf-8")
    return f"const keywords = {json.dumps(known)};\n{program}"


def errors() -> str:
    """Return the page of the errors that are raised on purpose."""
    names = [name for name in public(mc) if _is_error(getattr(mc, name))]
    shown = [f".. autoexception:: modelcollapse.{name}\n   :show-inheritance:\n" for name in names]
    told = "Every message names the argument, shows its value and says what would be accepted."
    return "\n".join([_title("Errors"), told, "", *shown])


def adapted(name: str, told: str) -> str:
    """Return a page of the repository as one of the site, line by line.

    The way back to the first page is the site's own, the ledger and the families' pages lead to
    each entry's page, and what the site leaves out is named without a link.
    """
    if "/" in name:
        return told
    told = re.sub(r"^\[Back to the first page\]\(\S*\)\. ?", "", told)
    told = told.replace("(../../README.md", "(index.rst").replace(*GALLERY)
    told = told.replace("(../../CHANGELOG.md", f"({FOLDER}/changelog.md")
    told = re.sub(r"\(\.\./\.\./theory/(\w+)\.py\)", rf"({FOLDER}/proofs/\1.md)", told)
    told = re.sub(r"\[([^\[\]]*)\]\(\.\./\.\./[^()]*\)", r"\1", told)
    told = re.sub(r"\$`([^`]*)`\$", r"$\1$", told)
    if name == "ledger":
        told = "\n".join(map(_row, told.split("\n")))
    elif name.startswith(FAMILY):
        for slug in (one.slug for one in theorems()):
            told = told.replace(f"`{slug}`", f"[`{slug}`]({FOLDER}/ledger/{slug}.md)")
    return told


def _row(line: str) -> str:
    """Return a row of the ledger's tables without what the theorem's own page says."""
    cells = re.split(r" (?<!\\)\| ", line.strip("| "))
    if not line.startswith("| ") or len(cells) != COLUMNS:
        return line
    slug, statement, _, _, kind, _ = cells
    if "/" in slug:
        slug = slug.strip("`")
        slug = f"[{slug.replace('/', '/<wbr>')}]({FOLDER}/ledger/{slug}.md)"
    return f"| {slug} | {statement} | {kind} |"


def protect(lines: list[str]) -> None:
    """Let no sign of mathematics in a docstring be taken for markup."""
    literal = example = False
    for index, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if literal and line and not line.startswith(" "):
            literal = False
        heading = re.fullmatch(r"\**\w+(, \**\w+)*( : .*)?|-+", line)
        if not (literal or example or heading):
            lines[index] = plain(line)
        literal = literal or line.rstrip().endswith("::")


def public(module: ModuleType) -> list[str]:
    """Return the names of what a room offers, in order."""
    names = getattr(module, "__all__", ()) or [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "").startswith(module.__name__)
    ]
    return sorted((name for name in names if not name.startswith("_")), key=str.casefold)


def rooms() -> dict[str, ModuleType | str]:
    """Return the public rooms by the name of their page, or why one cannot be shown."""
    found: dict[str, ModuleType | str] = {"modelcollapse": mc}
    for name in sorted(public(mc)):
        value = getattr(mc, name)
        if inspect.ismodule(value):
            found[name] = value
    for name in ROOMS:
        try:
            found[name] = importlib.import_module(f"modelcollapse.{name}")
        except ImportError as error:
            found[name] = str(error)
    return found


def _proofs() -> Iterator[tuple[str, str]]:
    """Give the derivations: their programs, as they are."""
    lines = []
    for path in sorted((ROOT / "theory").glob("[!_]*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = prose(docstring.split("\n\n", maxsplit=1)[0])
        title = f"---\norphan: true\n---\n\n# theory/{path.name}\n\n{first}\n\n"
        code = f"```{{literalinclude}} ../../../../theory/{path.name}\n:language: python\n```\n"
        lines.append(f"- [{path.name}](proofs/{path.stem}.md): {' '.join(first.split())}\n")
        yield f"proofs/{path.stem}.md", title + code
    yield (
        "proofs.md",
        f"""# Proofs

What the ledger says is "derived here" is derived again by these programs, in exact or symbolic
arithmetic and without a line of this package.

{"".join(lines)}""",
    )


def _api() -> Iterator[tuple[str, str]]:
    """Give a page for each public room, where each object is told once."""
    found = rooms()
    told: dict[int, str] = {}
    for page in sorted(found, key="modelcollapse".__eq__):  # last: families tell of their models
        module = found[page]
        if isinstance(module, str):
            shown = f"{_title(f'modelcollapse.{page}')}\nNot shown here: {module}\n"
        else:
            shown = _room(page, module, told)
        yield f"api/{page}.rst", shown
    lines = "\n".join(f"   api/{page}" for page in found)
    contents = "\n".join(_contents(page, module, told) for page, module in found.items())
    yield "api.rst", f"{_title('Python')}\n.. toctree::\n   :hidden:\n\n{lines}\n\n{contents}"


def _contents(page: str, module: ModuleType | str, told: dict[int, str]) -> str:
    """Return what a room is, and what it holds, as an entry of a list."""
    if isinstance(module, str):
        return f":doc:`api/{page}`\n   Not shown here: {module}\n"
    first = (inspect.getdoc(module) or "").split("\n\n", maxsplit=1)[0]
    known = [told[id(v)] for name in public(module) if id(v := getattr(module, name)) in told]
    names = ", ".join(f":py:obj:`~{name}`" for name in known)
    return f":doc:`api/{page}`\n   {plain(' '.join(first.split()))}\n\n   {names}\n"


def _room(page: str, module: ModuleType, told: dict[int, str]) -> str:
    """Return the page of a room; `told` has what other pages tell already."""
    name, docstring = module.__name__, inspect.getdoc(module) or ""
    if module is mc:  # how its names are imported is nobody's business but its own
        parts = [_title(name), about(docstring.split("\n\n", maxsplit=1)[0])]
    else:
        parts = [_title(f"modelcollapse.{page}"), about(docstring)]
    if hasattr(mc, page):
        parts.append(f"``import modelcollapse as mc``, and it is ``mc.{page}``.\n")
    elsewhere, bare = [], []
    for one in public(module):
        value = getattr(module, one)
        if inspect.ismodule(value):
            continue
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            bare.append(f"``{one}``")
        elif id(value) in told:
            elsewhere.append(f":py:obj:`{told[id(value)]}`")
        elif not (_is_error(value) and one in public(mc)):
            told[id(value)] = f"{name}.{one}"
            parts.append(_object(one, name, value))
    if elsewhere:
        parts.append(f"{_title('Told elsewhere', '-')}\n{', '.join(elsewhere)}\n")
    if bare:
        parts.append(f"{_title('Constants and types', '-')}\n{', '.join(bare)}\n")
    return "\n".join(parts)


def _object(one: str, module: str, value: Any) -> str:
    kind = "autoclass" if inspect.isclass(value) else "autofunction"
    members = f"   :members:\n   :inherited-members: {FOREIGN}\n" if kind == "autoclass" else ""
    return f"{_title(one, '-')}\n.. {kind}:: {module}.{one}\n{members}"


def about(docstring: str) -> str:
    """Return a module's docstring as reStructuredText, with blocks of what is laid out."""
    parts = []
    for part in re.split(r"\n\n+", docstring.replace("\n::\n", "\n")):
        laid_out = re.search(r"^ |\S  +\S|^>>>|^-+$", part, re.MULTILINE)
        if laid_out:
            language = "pycon" if ">>>" in part else "text"
            lines = textwrap.indent(textwrap.dedent(part), "   ")
            parts.append(f".. code-block:: {language}\n\n{lines}\n")
        else:
            parts.append("\n".join(map(plain, part.splitlines())) + "\n")
    return "\n".join(parts)


def plain(line: str) -> str:
    """Return a line of a docstring so that its mathematics is taken for nothing else."""
    told = re.split(r"(``.+?``|(?::[\w:]+:)?`[^`]+`_*)", line)
    told[::2] = [re.sub(r"[*|]|(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in told[::2]]
    return "".join(told)


def prose(words: str) -> str:
    """Return words as Markdown shows them, with names in backquotes as code."""
    told = words.split("`")
    told[::2] = map(text, told[::2])
    return "`".join(told)


def _source(source: str, up: str) -> str:
    """Return where a statement is from, with links to papers and to the derivations."""
    linked = re.sub(r"arXiv (\d{4}\.\d{5})", r"[\g<0>](https://arxiv.org/abs/\1)", text(source))
    return re.sub(r"theory/(\w+)\.py", rf"[\g<0>](../{up}proofs/\1.md)", linked)


def _anchor(room: str) -> str:
    return f"{room}-{len(theorems(f'{room}/*'))}-theorems"


def _title(words: str, line: str = "=") -> str:
    return f"{words}\n{line * len(words)}\n"


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, mc.ModelCollapseError)
