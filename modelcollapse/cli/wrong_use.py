"""What is wrong with a command line that the parser refuses, and the remedy, in one sentence."""

import re
from typing import Any, get_args

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnusedCliTokensError,
)

from modelcollapse._support.errors import unknown
from modelcollapse.cli import COMMANDS, app

NUMBERS = {int: "a whole number", float: "a number"}
LONG = 200  # characters of an argument's help, of which more is no remedy


def told(error: CycloptsError) -> str:
    """Return what to say of an error of the parser's."""
    seen = f"see modelcollapse {' '.join((*(error.command_chain or ()), '--help'))}"
    if isinstance(error, MissingArgumentError):
        return f"{_missing(error)}; {seen}"
    if isinstance(error, UnusedCliTokensError):
        return f"{_listed(error.unused_tokens)} not understood: options begin with --; {seen}"
    if isinstance(error, RepeatArgumentError):
        return f"{error.token.keyword} is given more than once: give it once"
    if isinstance(error, UnknownCommandError):
        return f"{unknown('command', (error.unused_tokens or [''])[0], COMMANDS)} ({seen})"
    if isinstance(error, CoercionError):
        return _unfit(error)
    return f"{str(error).rstrip('.')} ({seen})"


def _missing(error: MissingArgumentError) -> str:
    argument: Any = error.argument
    wanted = _help(error)
    if error.keyword is None:  # it was not there at all
        name = argument.name if argument.index is None else argument.name.lstrip("-").upper()
        more = f"; {_listed(error.unused_tokens)} not understood" if error.unused_tokens else ""
        return f"{name} is missing: {wanted}{more}"
    words = error.root_input_tokens or []
    after = words[words.index(error.keyword) + 1 :][:1] if error.keyword in words else []
    if after and re.match(r"-[\d.]", after[0]):
        return f"{error.keyword} has no value: write it as {error.keyword}={after[0]}"
    return f"{error.keyword} has no value: {wanted}"


def _help(error: CycloptsError) -> str:
    """Return what the help says of an argument, or its first sentence."""
    command: Any = app()
    for name in error.command_chain or ():
        command = command[name]
    for argument in command.assemble_argument_collection(parse_docstring=True):
        if error.argument and argument.name == error.argument.name and argument.parameter.help:
            text = " ".join(argument.parameter.help.split()).removesuffix(".")
            text = text if len(text) <= LONG else text.split(". ")[0]
            return text if text[1:2].isupper() else text[:1].lower() + text[1:]
    return "give one"


def _unfit(error: CoercionError) -> str:
    """Return what is wrong with an option's text."""
    if error.argument is None or error.token is None:
        return str(error)
    name, value = error.argument.name.lstrip("-").replace("-", "_"), error.token.value
    if error.msg is not None:  # of a converter in `whole`
        return f"{name} = {error.msg}"
    if error.target_type is bool:
        return f"{error.token.keyword} takes no value: leave ={value} away"
    kind: Any = error.target_type
    some = " or ".join(map(str, get_args(kind))) or NUMBERS.get(kind, "another value")
    return f"{name} = {value!r} is not valid: give {some}"


def _listed(tokens: list[str] | None) -> str:
    words = tokens or []
    return f"{', '.join(map(repr, words))} {'is' if len(words) == 1 else 'are'}"
