"""Numbers in sentences."""


def many(count: int, noun: str) -> str:
    """Return a count with its noun, which takes an s unless there is one: "1 run", "2 runs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
