"""Comparing a module's name with packages, so that no package is matched by a part of a word."""

from __future__ import annotations

from collections.abc import Iterable


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Return True if a module is one of the packages, or inside one.

    Args:
        module: The module's full name.
        packages: Full names of modules and packages. Take them from the module object (``module.__name__``) or from
            ``__package__``, so that a rename cannot leave an old name behind.
    """
    return any(module == package or module.startswith(f"{package}.") for package in packages)
