"""Where an object lives in the program: the name of a cache, queue or breaker that has none of its own.

An object is made before it gets a name (``greeks_cache = TTLCache(...)``), so the place where it is made is noted
then, and what holds it is looked for when it is used.
"""

from __future__ import annotations

import inspect
import re
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from types import FrameType
from typing import Any, NamedTuple

__all__ = ["Found", "Place", "PlaceSearch", "full_name", "made_here", "module_called", "readable"]

#: Entries of a dictionary or list that are looked at; larger ones are data, no table of caches.
_MOST_ENTRIES = 64
#: Frames that are looked at for the program's own.
_MOST_FRAMES = 30
#: Uses of an object after which nothing is looked for any more.
_MOST_USES = 1 << 10
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")


class Found(NamedTuple):
    """What an object is called.

    Attributes:
        path: ``module:NAME``, ``module:Class.attribute``, ``module:NAME[key]``, or the function that made it.
        names: What describes it, best first: the variable, then the class or function around it.
    """

    path: str
    names: tuple[str, ...]


class Place:
    """Where an object was made.

    Args:
        frame: The frame of the program that made it.
    """

    __slots__ = ("_module", "_owner", "_qualname", "_shown")

    def __init__(self, frame: FrameType) -> None:
        self._module = str(frame.f_globals.get("__name__", ""))
        self._shown = _module_name(frame.f_globals)
        code = frame.f_code
        self._qualname = "" if code.co_name == "<module>" else code.co_qualname
        self._owner: weakref.ref[Any] | None = None
        owner = _first_argument(frame)
        if owner is not None:
            try:
                self._owner = weakref.ref(owner)
            except TypeError:  # a number, a tuple: nothing that holds caches
                self._owner = None

    @property
    def path(self) -> str:
        """The function, or the module, that made it."""
        return f"{self._shown}:{self._qualname}" if self._qualname else self._shown

    def find(self, thing: object) -> Found | None:
        """What holds an object; None when nothing that was looked at does (yet)."""
        for prefix, owner_name, namespace in self._namespaces():
            for name, keys in _search(namespace, thing):
                dotted = f"{prefix}{name}" + "".join(f"[{key}]" for key in keys)
                said = [key for key in reversed(keys) if not key.isdigit()]  # a number says nothing
                return Found(dotted, (*said, name, owner_name))
        return None

    def otherwise(self) -> Found:
        """What to call it when nothing holds it: by the function that made it, else its class."""
        parts = self._qualname.split(".")
        function = [part for part in parts if part != "<locals>" and not part.startswith("__")]
        return Found(self.path, tuple(reversed(function)))

    def _namespaces(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        module = sys.modules.get(self._module)
        if module is not None:
            yield f"{self._shown}:", "", vars(module)
        owner = self._owner() if self._owner is not None else None
        if owner is not None:
            of_class = owner if isinstance(owner, type) else type(owner)
            of_module = sys.modules.get(of_class.__module__)
            shown = _module_name(vars(of_module)) if of_module is not None else of_class.__module__
            prefix = f"{shown}:{of_class.__qualname__}."
            yield prefix, of_class.__name__, _attributes(owner)
            yield prefix, of_class.__name__, vars(of_class)
        found: Any = module  # a class body is a frame of that class's name
        for part in self._qualname.split("."):
            found = getattr(found, "__dict__", {}).get(part)
            if isinstance(found, type):
                yield f"{self._shown}:{found.__qualname__}.", found.__name__, vars(found)


class PlaceSearch:
    """Looks for what holds an object at its 1st, 2nd, 4th, 8th ... use: it may get its name after its first use.

    Args:
        place: Where the object was made; None if that is not known.
    """

    __slots__ = ("_place", "_uses")

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._uses = 0

    def look(self, thing: object) -> Found | None:
        """Count a use of the object, and look for what holds it if it is time to."""
        self._uses += 1
        if self._place is None or self._uses & (self._uses - 1):
            return None
        return self._place.find(thing)

    @property
    def fallback(self) -> Found:
        """The name of an object that nothing holds."""
        return Found("", ()) if self._place is None else self._place.otherwise()

    @property
    def is_over(self) -> bool:
        """Whether looking again is useless."""
        return self._place is None or self._uses >= _MOST_USES


def made_here(thing: object, library: Iterable[str]) -> Place | None:
    """The place in the program from which this is called, through a library.

    Args:
        thing: The object that is being made; its own constructors are no place, nor are lambdas and comprehensions.
        library: Packages whose frames are no place either.
    """
    skipped = ("signalscope", "wrapt", "functools", *library)
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return None
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in skipped and not _is_anonymous(frame) and _first_argument(frame) is not thing:
            return Place(frame)
        frame = frame.f_back
    return None


def full_name(function: Any) -> str:
    """``module:qualified.name`` of a function."""
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "")
    return f"{getattr(function, '__module__', '')}:{name}"


def module_called(name: str) -> Any:
    """The module of that name; the program that was started has the name that it would be imported by."""
    main = sys.modules.get("__main__")
    return main if main is not None and _module_name(vars(main)) == name else sys.modules.get(name)


def readable(names: Iterable[str], *nouns: str) -> str | None:
    """The first name that says something, as a label: lower case, words with underscores, without the nouns.

    ``GREEKS_CACHE`` and ``_greeks_cache`` are ``greeks``; ``QuoteCache`` is ``quote``; ``_cache`` says nothing.
    """
    for name in names:
        words = [word.lower() for word in _WORD.findall(name)]
        said = [word for word in words if word not in nouns]
        if said:
            return "_".join(said)
    return None


def _module_name(namespace: Mapping[str, Any]) -> str:
    """A module's name; of the program that was started, the name that it would be imported by."""
    name = str(namespace.get("__name__", ""))
    if name != "__main__":
        return name
    spec = namespace.get("__spec__")
    return str(spec.name) if spec is not None else PurePath(str(namespace.get("__file__", name))).stem


def _is_anonymous(frame: FrameType) -> bool:
    name = frame.f_code.co_name
    return name.startswith("<") and name != "<module>"


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    if not code.co_argcount:
        return None
    names = frame.f_locals
    found = names.get(code.co_varnames[0])
    # Until Python 3.13 that is a copy, which the frame keeps: it would keep everything alive that is a local variable
    # now. The frame, this variable and the argument are its three references, unless the program has it as well.
    if type(names) is dict and code.co_flags & inspect.CO_OPTIMIZED and sys.getrefcount(names) <= 3:
        names.clear()
    return found


def _attributes(owner: Any) -> Mapping[str, Any]:
    """The attributes of an object, those in slots too."""
    slots = [name for each in type(owner).__mro__ for name in _slots(vars(each).get("__slots__", ()))]
    return {name: getattr(owner, name, None) for name in slots} | getattr(owner, "__dict__", {})


def _slots(given: Any) -> Iterable[str]:
    return (given,) if isinstance(given, str) else given


def _search(namespace: Mapping[str, Any], thing: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names that hold an object, and keys of dictionaries, or places in lists, that do."""
    tables = []
    for name, value in list(namespace.items()):
        if value is thing and not name.startswith("__"):
            yield name, ()
        elif type(value) in {dict, list, tuple} and 0 < len(value) <= _MOST_ENTRIES:
            tables.append((name, value))
    for name, table in tables:
        for key, value in list(table.items() if type(table) is dict else enumerate(table)):
            if value is thing:
                yield name, (str(key),)
