"""A pytest plugin: which tests run which lines of the package, how long, and which pass."""

import json
import os
import warnings
from pathlib import Path

import coverage
import pytest

from tests.mutation.ordering import function


class Recorder:
    """Trace the package, one context for each test function."""

    def __init__(self) -> None:
        self.trace = coverage.Coverage(data_file=None, source_pkgs=["modelcollapse"])
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.trace.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        """Name the lines of a test, its fixtures included, after its function."""
        self.trace.switch_context(function(item.nodeid))
        try:
            return (yield)
        finally:
            self.trace.switch_context("")

    def pytest_runtest_logreport(self, report):
        """Add up the time of a test function, and note its failure."""
        name = function(report.nodeid)
        self.seconds[name] = self.seconds.get(name, 0.0) + report.duration
        if report.failed:
            self.failed.add(name)

    def pytest_sessionfinish(self):
        """Write what was seen, with tests by their position."""
        self.trace.stop()
        with warnings.catch_warnings(action="ignore"):  # of tests that do not use the package
            data = self.trace.get_data()
        tests = list(self.seconds)
        number = {name: i for i, name in enumerate(tests)}
        lines = {
            os.path.relpath(file): {
                line: sorted(number[name] for name in names if name in number)
                for line, names in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        lines = {file: {k: v for k, v in seen.items() if v} for file, seen in lines.items()}
        table = {"seconds": self.seconds, "failed": sorted(self.failed), "lines": lines}
        Path(os.environ["MUTATION_RECORD"]).write_text(json.dumps(table), encoding="utf-8")


def pytest_configure(config):
    """Begin before the package is imported."""
    config.pluginmanager.register(Recorder())
