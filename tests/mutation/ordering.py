"""A pytest plugin: run chosen test functions in a given order, and end when time is up."""

import faulthandler
import json
import os
from pathlib import Path

import pytest

LATE = 77  # the exit status of a run that was ended


def pytest_configure(config):
    """Read the order and the limit."""
    config.pluginmanager.register(Order(Path(os.environ["MUTATION_ORDER"])))


class Order:
    """The order of test functions, and the CPU seconds they may take together.

    Of wall time each may take `slower` times its seconds without a mutant, and `more`.
    """

    def __init__(self, path: Path) -> None:
        table = json.loads(path.read_text(encoding="utf-8"))
        self.seconds = table["tests"]
        self.rank = {name: i for i, name in enumerate(self.seconds)}
        self.limit, self.slower, self.more = (table[key] for key in ("limit", "slower", "more"))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """Keep the tests that were chosen, in their order."""
        items[:] = [item for item in items if function(item.nodeid) in self.rank]
        items.sort(key=lambda item: self.rank[function(item.nodeid)])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        """End the process if a test hangs, also in compiled code."""
        seconds = self.seconds[function(item.nodeid)]
        faulthandler.dump_traceback_later(self.slower * seconds + self.more, exit=True)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def pytest_runtest_logfinish(self):
        """End between two tests."""
        if sum(os.times()[:4]) > self.limit:
            pytest.exit("the time is up", returncode=LATE)


def function(node: str) -> str:
    """Return the name of a test function, without its parameters."""
    return node.partition("[")[0]
