"""The metadata that a build works out: the first page, and where the project is.

`address` in pyproject.toml is the project's address on its host, such as https://host/owner/name.
While it is empty, links are as they stand in README.md, relative. Where it is set, those of the
built page lead to the files of the version's tag, so that they work on a package index, too.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# A link or, with a mark before it, a picture that leads to a file here.
RELATIVE = re.compile(r"(!?)(\[[^\[\]]*\]\()(?![a-z]+:|#)([^()\s]+\))")
PLACES = {"Source": "", "Issues": "/issues", "Changelog": "/blob/{tag}/CHANGELOG.md"}


class Metadata(MetadataHookInterface):
    """Gives the first page, and addresses where there is one."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write them into the project's table."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        address, tag = self.config["address"].rstrip("/"), f"v{metadata['version']}"

        def absolute(link: re.Match[str]) -> str:
            picture, words, file = link.groups()
            return f"{picture}{words}{address}/{'raw' if picture else 'blob'}/{tag}/{file}"

        metadata["urls"] = {}
        if address:
            text = RELATIVE.sub(absolute, text)
            metadata["urls"] = {name: address + at.format(tag=tag) for name, at in PLACES.items()}
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
