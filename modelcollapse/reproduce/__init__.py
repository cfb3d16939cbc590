"""The experiments of *Collapse or Thrive?* again, each beside its theorem, and the next questions.

A figure is a sweep, a way to draw it and a caption that says what the paper shows and where this
differs. `make` computes and draws one into a folder.
"""

from modelcollapse.reproduce.figure import Context, Figure, Picture
from modelcollapse.reproduce.making import make, named, names

__all__ = ["Context", "Figure", "Picture", "make", "named", "names"]
