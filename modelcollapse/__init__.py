"""Predict, simulate and verify self-consuming training loops.

The public names stand in ``__init__.pyi``; each is imported when it is first used, so that
``import modelcollapse`` costs nothing, not even NumPy's import. PYTEST_DONT_REWRITE: else pytest,
started by a process that has imported it, would warn that it comes too late.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
