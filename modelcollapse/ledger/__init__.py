"""The ledger: theorems as data, and how they are verified.

theorem       Theorem, Verdict, and the list of all
search        the theorems that say some words
claims        what a theorem asserts of evidence, and how that is decided
values        the values that claims are about
verification  theorems decided on simulations and computations
agreement     a loop of one's own held to its prediction; by_loop: and to the plain loop
references    works to cite, as the ledger and the literature name them
coverage      what is known of every family under every workflow
entries       the theorems, by family
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"claims", "values"})
