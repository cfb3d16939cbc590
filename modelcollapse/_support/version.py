"""The installed version, in a module of its own: looking it up costs more than the package."""

from importlib.metadata import version

__version__ = version("modelcollapse")
