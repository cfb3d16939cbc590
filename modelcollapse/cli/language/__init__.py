"""``modelcollapse language``: the loop on language models, and what belongs to it."""

from cyclopts import App

from modelcollapse.cli.language.checkpoint import checkpoint
from modelcollapse.cli.language.loop import loop
from modelcollapse.cli.language.value import value

language = App(name="language", help_format="markdown", help_epilogue="")
language.default(loop)
language.command(value)
language.command(checkpoint)
