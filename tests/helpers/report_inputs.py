"""Verdicts, their file, and figures for the report: made up, and well-formed."""

import hashlib
import json
import struct
import zlib

import modelcollapse as mc
from modelcollapse._support.sealed import write_json
from modelcollapse._support.strict_json import plain
from modelcollapse.ledger.theorem import Verdict

# Statistics over the threshold 0.5: those of the claim, and of its near misses in turn.
OWN, NEAR = 0.05, (0.7, 5.0, 123.0, float("inf"))


def verdict(theorem, **changes):
    """Return a verdict as it is expected, with some fields changed."""
    refuted = theorem.kind == "refuted"
    names = list(theorem.claim.near)
    fields = {
        "slug": theorem.slug,
        "kind": theorem.kind,
        "source": theorem.source,
        "parameters": theorem.parameters,
        "predicted": "1.5",
        "observed": "1.503",
        "method": "Catoni",
        "statistic": 2.0 if refuted else OWN,
        "threshold": 0.5,
        "samples": 0 if theorem.claim.design is None else 1000,
        "near_misses": dict.fromkeys(names, True),
        "verdict": theorem.expected,
        "expected": theorem.expected,
        "near_statistics": {name: NEAR[i % len(NEAR)] for i, name in enumerate(names)},
    }
    return Verdict(**{**fields, **changes})


def document(verdicts, **summary):
    """Return what `modelcollapse verify --json` prints."""
    by_chance = sum(v.samples > 0 for v in verdicts)
    summary = {"seconds": 12.3, "false_alarm_probability_at_most": by_chance * 1e-9, **summary}
    return plain({"verdicts": [v.as_dict() for v in verdicts], "summary": summary})


def verdict_file(path, glob="*", **summary):
    """Write a file of expected verdicts."""
    verdicts = [verdict(theorem) for theorem in mc.theorems(glob)]
    path.write_text(json.dumps(document(verdicts, **summary)), encoding="utf-8")
    return path


def part(kind, body):
    """Return a part of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width=4, height=3):
    """Return a grey picture as a PNG file."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = zlib.compress((b"\0" + b"\x80" * width) * height)
    parts = part(b"IHDR", header) + part(b"IDAT", lines) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def figure(folder, name="gaussian", **changes):
    """Make a figure's folder."""
    home = folder / name
    home.mkdir(parents=True)
    (home / "a.png").write_bytes(png())
    about = {
        "format": 2,
        "name": name,
        "title": f"The figure {name}",
        "shows": "what is shown",
        "original": "what was shown",
        "difference": "what differs",
        "pictures": [{"png": "a.png", "pdf": "a.pdf", "alt": "a grey picture"}],
        "data": "a.parquet",
        "command": f"modelcollapse reproduce {name}",
        "seconds": 1.5,
        "environment": {"python": "3.11"},
        **changes,
    }
    for picture in about["pictures"]:
        picture.setdefault("sha256", hashlib.sha256(png()).hexdigest())
    write_json(home / "figure.json", about)
    return home
