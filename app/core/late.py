"""Modules that are imported when something of them is first used: large ones that few processes ever need."""

from importlib import import_module


class Late:
    """Stands for a module; where types are checked the module itself is imported instead."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(import_module(self._name), attribute)
