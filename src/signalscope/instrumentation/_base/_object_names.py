"""Names of objects without a name of their own: the variable that holds a cache, a queue or a breaker.

An object is created before a variable holds it (``greeks_cache = TTLCache(...)``). So the creation site is noted
first, and the variable is searched when the object is used.
"""

from __future__ import annotations

import inspect
import re
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePath
from types import FrameType
from typing import Any, NamedTuple

#: A dictionary or list with more entries is not searched: it is data.
_MOST_ENTRIES = 64
#: Limit of the stack frames that are searched for a frame of the program.
_MOST_FRAMES = 30
#: The search for a name ends after this number of uses of the object.
_MOST_USES = 1 << 10
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")


class ObjectName(NamedTuple):
    """The name of an object.

    Attributes:
        path: ``module:NAME``, ``module:Class.attribute``, ``module:NAME[key]``, or the path of the function that
            created the object.
        names: Descriptive names, best first: the variable, then the class or function around it.
    """

    path: str
    names: tuple[str, ...]


class CreationSite:
    """The place in the program where an object was created.

    Args:
        frame: The stack frame that created the object.
    """

    __slots__ = ("_module", "_module_name", "_owner", "_qualname")

    def __init__(self, frame: FrameType) -> None:
        self._module = str(frame.f_globals.get("__name__", ""))
        self._module_name = _module_name(frame.f_globals)
        code = frame.f_code
        self._qualname = "" if code.co_name == "<module>" else code.co_qualname
        self._owner: Callable[[], Any] = lambda: None
        # A number or a tuple has no weak references, and has no attribute that holds a cache.
        with suppress(TypeError):
            self._owner = weakref.ref(_first_argument(frame))

    def find_holder(self, thing: object) -> ObjectName | None:
        """Return the name of the variable that holds an object; None if no searched variable holds it (yet)."""
        for prefix, owner_name, namespace in self._namespaces():
            for name, keys in _search(namespace, thing):
                dotted = f"{prefix}{name}" + "".join(f"[{key}]" for key in keys)
                words = [key for key in reversed(keys) if not key.isdigit()]
                return ObjectName(dotted, (*words, name, owner_name))
        return None

    @property
    def fallback(self) -> ObjectName:
        """The name of an object that no variable holds: the function or the class that created it."""
        parts = self._qualname.split(".")
        function = [part for part in parts if part != "<locals>" and not part.startswith("__")]
        path = f"{self._module_name}:{self._qualname}" if self._qualname else self._module_name
        return ObjectName(path, tuple(reversed(function)))

    def _namespaces(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        module = sys.modules.get(self._module)
        if module is not None:
            yield f"{self._module_name}:", "", vars(module)
        owner = self._owner()
        if owner is not None:
            cls = owner if isinstance(owner, type) else type(owner)
            class_module = sys.modules.get(cls.__module__)
            module_name = _module_name(vars(class_module)) if class_module is not None else cls.__module__
            prefix = f"{module_name}:{cls.__qualname__}."
            yield prefix, cls.__name__, _attributes(owner)
            yield prefix, cls.__name__, vars(cls)
        value: Any = module  # the frame of a class body has the name of the class
        for part in self._qualname.split("."):
            value = getattr(value, "__dict__", {}).get(part)
            if isinstance(value, type):
                yield f"{self._module_name}:{value.__qualname__}.", value.__name__, vars(value)


class NameSearch:
    """Search for the name of an object at its 1st, 2nd, 4th, 8th ... use: a variable may hold it only later.

    Args:
        site: The place that created the object; None if it is unknown.
    """

    __slots__ = ("_site", "_uses")

    def __init__(self, site: CreationSite | None) -> None:
        self._site = site
        self._uses = 0

    def find_holder(self, thing: object) -> ObjectName | None:
        """Count a use of the object; return its name if this use searches for it and finds it."""
        self._uses += 1
        if self._site is None or self._uses & (self._uses - 1):
            return None
        return self._site.find_holder(thing)

    @property
    def fallback(self) -> ObjectName:
        """The name of an object that no variable holds."""
        return ObjectName("", ()) if self._site is None else self._site.fallback

    @property
    def is_over(self) -> bool:
        """True if no later use will find the name."""
        return self._site is None or self._uses >= _MOST_USES


def creation_site(thing: object, library: Iterable[str]) -> CreationSite | None:
    """Return the place in the program that creates an object now; None if there is none.

    Args:
        thing: The object. Frames of its own constructors, lambdas and comprehensions are skipped.
        library: Packages whose frames are skipped too.
    """
    skipped = ("signalscope", "wrapt", *library)
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return None
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        function = frame.f_code.co_name
        is_anonymous = function.startswith("<") and function != "<module>"
        is_standard = (
            package in sys.stdlib_module_names
        )  # such as the view of `items()`, with the cache inside
        if (
            not is_standard
            and package not in skipped
            and not is_anonymous
            and _first_argument(frame) is not thing
        ):
            return CreationSite(frame)
        frame = frame.f_back
    return None


def full_name(function: Any) -> str:
    """Return ``module:qualified.name`` of a function."""
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "")
    return f"{getattr(function, '__module__', '')}:{name}"


def module_named(name: str) -> Any:
    """Return the module with a name; for the started program, the name of an import of its file."""
    main = sys.modules.get("__main__")
    return main if main is not None and _module_name(vars(main)) == name else sys.modules.get(name)


def label_from(names: Iterable[str], *nouns: str) -> str | None:
    """Return the first descriptive name as a label value: words in lower case with underscores, without the nouns.

    ``GREEKS_CACHE`` and ``_greeks_cache`` are ``greeks``; ``QuoteCache`` is ``quote``; ``_cache`` is skipped.
    """
    for name in names:
        words = [word for word in map(str.lower, _WORD.findall(name)) if word not in nouns]
        if words:
            return "_".join(words)
    return None


def _module_name(namespace: Mapping[str, Any]) -> str:
    """Return a module's name; for the started program, the name of an import of its file."""
    name = str(namespace.get("__name__", ""))
    if name != "__main__":
        return name
    spec = namespace.get("__spec__")
    return str(spec.name) if spec is not None else PurePath(str(namespace.get("__file__", name))).stem


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    if not code.co_argcount:
        return None
    names = frame.f_locals
    argument = names.get(code.co_varnames[0])
    # Before Python 3.13, `f_locals` is a copy that the frame keeps, so the values of all local variables would stay
    # alive. It has three references (the frame, this variable, the argument), and more if the program uses it too.
    if type(names) is dict and code.co_flags & inspect.CO_OPTIMIZED and sys.getrefcount(names) <= 3:
        names.clear()
    return argument


def _attributes(owner: Any) -> Mapping[str, Any]:
    """Return the attributes of an object, including those in slots."""
    declared = [vars(cls).get("__slots__", ()) for cls in type(owner).__mro__]
    slots = [name for names in declared for name in ((names,) if isinstance(names, str) else names)]
    return {name: getattr(owner, name, None) for name in slots} | getattr(owner, "__dict__", {})


def _search(namespace: Mapping[str, Any], thing: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names that hold an object, each with the keys of the dictionary or list that contains it."""
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
