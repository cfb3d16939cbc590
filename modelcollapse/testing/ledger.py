"""The ledger as tests: ``pytest --pyargs modelcollapse.testing.ledger`` verifies all theorems.

There is one item per theorem, named by its slug, so that ``-k accumulate`` chooses; the plugin
`modelcollapse_pytest` collects them, under whatever configuration a project has. Theorems that
share an experiment share its simulation, which has as many replicates as the collected ones need.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from modelcollapse.ledger.theorem import Theorem, Verdict, theorems
from modelcollapse.ledger.verification import Verification, lacking
from modelcollapse.testing.checks import hold


class Ledger(pytest.File):
    """The file of all theorems; it holds the simulations that are being looked at."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.simulations: Verification | None = None
        self.held: Any = None  # what tells whose simulations they are
        self.verdicts: dict[str, Verdict] = {}

    def collect(self) -> Iterable["TheoremItem"]:
        """Yield the theorems, those that share an experiment side by side."""
        known = theorems()
        designs = list(dict.fromkeys(t.claim.design for t in known))
        known.sort(key=lambda t: designs.index(t.claim.design))
        for theorem in known:
            item = TheoremItem.from_parent(self, name=theorem.slug, theorem=theorem)
            if self.config.pluginmanager.has_plugin("xdist"):
                group = f"modelcollapse-{designs.index(theorem.claim.design)}"
                item.add_marker(pytest.mark.xdist_group(group))
            yield item

    def verdict(self, theorem: Theorem) -> Verdict:
        """Decide a theorem, once: plugins that repeat a failed test get the same answer."""
        if theorem.slug not in self.verdicts:
            self.verdicts[theorem.slug] = self._verification(theorem).verdict(theorem)
        return self.verdicts[theorem.slug]

    def _verification(self, theorem: Theorem) -> Verification:
        """Return what decides a theorem, with the simulations of all that will be run.

        One of several processes does not know which of the items will be its own: it simulates for
        one experiment at a time, nothing ahead, and drops it for the next.
        """
        alone = hasattr(self.config, "workerinput")
        held = theorem.claim.design if alone else "all"
        if self.simulations is None or self.held != held:
            self.teardown()
            chosen = [i.theorem for i in self.session.items if isinstance(i, TheoremItem)]
            if alone:
                chosen = [t for t in chosen if t.claim.design == held]
            option = self.config.option
            self.simulations = Verification(
                chosen, option.collapse_seed, option.collapse_alpha, thorough=False
            )
            self.held = held
        return self.simulations

    def teardown(self) -> None:
        """Drop the simulations."""
        if self.simulations is not None:
            self.simulations.__exit__()
        self.simulations = self.held = None


class TheoremItem(pytest.Item):
    """One theorem."""

    parent: Ledger

    def __init__(self, *, theorem: Theorem, **options: Any) -> None:
        super().__init__(**options)
        self.theorem = theorem

    def runtest(self) -> None:
        """Decide the theorem, and fail unless it is as the ledger expects."""
        if extra := lacking(self.theorem):
            pytest.skip(f"needs the extra {extra!r}, which is not installed")
        hold(self, [self.parent.verdict(self.theorem)], self.config.option.collapse_alpha)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Return where a failure belongs."""
        return self.path, None, self.name
