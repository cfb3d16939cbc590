"""Help on one family: its options alone, with an example."""

from typing import Any

from cyclopts.help import DefaultFormatter

from modelcollapse.families.names import FAMILIES

LOOP = "--workflow replace --samples 50 --generations 20"
SCORED = {"test": "kde", "tolerance": "kde"}  # of simulations, not of the model
MORE = {"simulate": " --replicates 200 --at 1,5,20", "predict": " --at 1,5,20"}


class Formatter:
    """Cyclopts' help without the options of other families."""

    def __init__(self, family: str) -> None:
        every = {option for builder in FAMILIES.values() for option in builder.options}
        others = every.difference(FAMILIES[family].options)
        others |= {option for option, owner in SCORED.items() if owner != family}
        self._hidden = {f"--{option.replace('_', '-')}" for option in others}
        self._usual = DefaultFormatter()
        self.render_usage = self._usual.render_usage

    def __call__(self, console: Any, options: Any, panel: Any) -> None:
        """Print a panel of the help."""
        own = [entry for entry in panel.entries if self._hidden.isdisjoint(entry.names)]
        self._usual(console, options, panel.copy(entries=own))


def example(command: str, family: str) -> str:
    """Return a command line for a family."""
    own = FAMILIES[family].example
    return " ".join(f"modelcollapse {command} {family} {own} {LOOP}{MORE.get(command, '')}".split())


def asked(words: list[str]) -> str | None:
    """Return the family that a command line names, if any."""
    return next((word for word in words[1:] if word in FAMILIES), None)
