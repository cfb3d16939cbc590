"""Results as strict JSON data, which has no infinities and no arrays."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return a value that JSON has: infinities become strings, arrays lists, NaN null."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        if math.isnan(value):
            return None
        return float(value) if math.isfinite(value) else "inf" if value > 0 else "-inf"
    return value.item() if isinstance(value, np.generic) else value
