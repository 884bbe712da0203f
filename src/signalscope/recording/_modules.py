"""Compare the names of modules and packages as whole words: `signals` is not inside `signal`."""

from __future__ import annotations

from collections.abc import Iterable


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Return True if a module is one of the packages or inside one.

    Args:
        module: The module's full name.
        packages: Full names of modules and packages. Read them from ``module.__name__`` or ``__package__``, so that
            they follow a rename.
    """
    return any(module == package or module.startswith(f"{package}.") for package in packages)
