"""What there is to cite: the package, the paper, and the works that the ledger and its pages name.

The works stand in references.toml, once.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

PAPER = "kazdan2025"
YEAR = "2026"  # of this version of the package
ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "&%$#_"} | {"^": r"\^{}"})
VERBATIM = ("doi", "eprint", "url")  # fields of which BibTeX takes every sign as it is


@dataclass(frozen=True)
class Reference:
    """A work to cite.

    Parameters
    ----------
    key, kind
        Its key and its kind in BibTeX; the kind is one such as "article".
    fields
        Its fields in BibTeX.
    named
        How the `source` of a theorem names it.
    """

    key: str
    kind: str
    fields: Mapping[str, str]
    named: str = ""

    @property
    def text(self) -> str:
        """The work in one line of plain text."""
        told = {"author": "", "title": "", **self.fields}
        number = ":".join(told[name] for name in ("volume", "pages") if name in told)
        series = told.get("series") or told.get("journal")
        who, *rest = filter(
            None,
            (
                told["author"].replace(" and ", ", ").strip("{}"),
                told["title"] + (f", version {told['version']}" if "version" in told else ""),
                _listed(", ", told.get("booktitle"), _listed(" ", series, number)),
                "eprint" in told and f"arXiv:{told['eprint']}",
                "doi" in told and f"doi:{told['doi']}",
                told.get("url"),
                told.get("note"),
            ),
        )
        said = (f"{who} ({told['year']})", *map(str, rest))
        return " ".join(part if part.endswith((".", "?")) else f"{part}." for part in said)

    @property
    def bibtex(self) -> str:
        """The work as an entry of a BibTeX file."""
        told = dict(self.fields)
        if "eprint" in told:
            told["archivePrefix"] = "arXiv"
        lines = [f"  {name} = {{{_value(name, text)}}}" for name, text in told.items()]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}"


def _listed(between: str, *parts: str | None) -> str:
    return between.join(part for part in parts if part)


def _value(name: str, text: str) -> str:
    if name in VERBATIM:
        return text
    escaped = text.translate(ESCAPED)
    return f"{{{escaped}}}" if name == "title" else escaped  # else its capital letters are lost


def package(note: str = "") -> Reference:
    """Return this package as it is installed; `note` says what of it."""
    told = metadata("modelcollapse")
    places = dict(line.split(", ", 1) for line in told.get_all("Project-URL") or ())
    fields = {
        "author": f"{{{told['Author']}}}",  # a team: it has no surname
        "title": told["Name"],
        "version": told["Version"],
        "year": YEAR,
        "url": places.get("Source", ""),
        "note": note,
    }
    given = {name: text for name, text in fields.items() if text}
    return Reference("modelcollapse", "software", given)


def named_by(source: str) -> list[Reference]:
    """Return the works that the `source` of a theorem names."""
    return [work for work in REFERENCES.values() if work.named in source]


def _read(path: Path) -> dict[str, Reference]:
    works = {}
    for key, told in tomllib.loads(path.read_text(encoding="utf-8")).items():
        kind, named = told.pop("kind"), told.pop("named", None) or told["eprint"]
        if "author" in told:
            told["author"] = told["author"].replace(", ", " and ")
        works[key] = Reference(key, kind, told, named)
    return works


REFERENCES = _read(Path(__file__).with_name("references.toml"))
