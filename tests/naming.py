"""Names of parametrised tests, the same in every process that runs a part of them."""

import re


def shown(value):
    """Return a value's text without the addresses of functions in it."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
