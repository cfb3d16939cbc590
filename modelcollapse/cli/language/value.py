"""``modelcollapse language value``: what synthetic rows are worth."""


def value() -> int:
    """To be written."""
    raise NotImplementedError
