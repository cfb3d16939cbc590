"""Names of parametrised tests, the same in every process that runs a part of them."""

import re


def shown(values):
    """Return each value's text without the addresses of functions in it, and its number."""
    texts = [re.sub(r" at 0x[0-9a-f]+", "", repr(value)) for value in values]
    return [f"{number}-{text}" for number, text in enumerate(texts)]
