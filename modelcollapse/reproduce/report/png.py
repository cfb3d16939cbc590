"""Whether a PNG file is whole, and how large its picture is."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def size(data: bytes) -> tuple[int, int]:
    """Return width and height of a whole PNG file's picture.

    Raises
    ------
    ValueError
        If the file is something else, is cut off, or was changed: every part has a checksum.
    """
    if not data.startswith(SIGNATURE):
        raise ValueError("it is not a PNG file")
    at, kinds = len(SIGNATURE), []
    while at < len(data) and b"IEND" not in kinds:
        kind, body, at = _part(data, at)
        kinds.append(kind)
        if len(kinds) == 1:
            header = body
    if kinds[:1] != [b"IHDR"] or len(header) < 8 or not {b"IDAT", b"IEND"} <= set(kinds):
        raise ValueError("it is cut off")
    width, height = struct.unpack(">II", header[:8])
    return width, height


def _part(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    """Return the kind and the content of the part that begins there, and where the next does."""
    if at + 12 > len(data):
        raise ValueError("it is cut off")
    (length,) = struct.unpack(">I", data[at : at + 4])
    kind, end = data[at + 4 : at + 8], at + 12 + length
    if end > len(data):
        raise ValueError("it is cut off")
    body, checksum = data[at + 8 : end - 4], data[end - 4 : end]
    if zlib.crc32(kind + body) != int.from_bytes(checksum, "big"):
        raise ValueError("it is damaged")
    return kind, body, end
