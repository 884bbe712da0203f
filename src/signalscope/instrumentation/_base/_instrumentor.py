"""The base of our instrumentors: one library each, patched when the program imports it, and never before.

A subclass declares its `Library` and says what to patch in which module:

    class ExampleInstrumentor(LibraryInstrumentor):
        library = Library(name="example", supports=("example >= 1, < 3",), ...)

        def hooks(self):
            return {"example.pricing": self._pricing}

        def _pricing(self, module):
            self.measure(module, "delta", instrument_greeks(calculation_type="delta"))

Everything else is here: the check of the installed version, import hooks, names that other modules hold, reversal,
suppression, request and response hooks.
"""

from __future__ import annotations

import functools
import logging
import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any, ClassVar

from opentelemetry.context import get_current
from opentelemetry.instrumentation.dependencies import (
    DependencyConflict,
    DependencyConflictError,
    get_dependency_conflicts,
)
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # it is typed, mypy cannot see it
    BaseInstrumentor,
)
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from signalscope.decorators._nesting import inside, nesting
from signalscope.decorators._wrap import either
from signalscope.instrumentation._base._call_hooks import with_hooks
from signalscope.instrumentation._base._import_hooks import when_imported
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._patches import Patches, taking_self
from signalscope.recording import internal_error

__all__ = ["Hook", "LibraryInstrumentor", "Method", "Undone", "suppressed"]

_logger = logging.getLogger("signalscope")
_SPANS = "SIGNALSCOPE_LIBRARY_SPANS"
_MODES = ("auto", "always", "never")
#: Told of a module when it has been imported.
Hook = Callable[[ModuleType], None]
#: Whether what was put in the place of a method is to do nothing any more.
Undone = Callable[[], bool]
Method = Callable[..., Any]


def suppressed() -> bool:
    """Whether instrumentation is suppressed where this is called (`suppress_instrumentation`)."""
    return bool(get_current()) and not is_instrumentation_enabled()


class LibraryInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # see above
    """Instruments one library.

    `instrument` takes, besides what every instrumentor takes:

    * ``request_hook(span, args, kwargs)``: called before a measured call that has a recording span;
    * ``response_hook(span, result)``: called after it, unless it raised;
    * ``span``: ``auto`` (the default: a child span when the current span is recording), ``always`` or ``never``.

    Attributes:
        library: What it says about itself.
        patches: What is patched.
        options: The arguments of `instrument`.
    """

    library: ClassVar[Library]
    patches: Patches
    options: Mapping[str, Any]

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "patches"):  # there is one of each class, and it may be asked for again
            self.patches = Patches()
            self.options = {}

    @abstractmethod
    def hooks(self) -> Mapping[str, Hook]:
        """What to do with which module, by its full name, once the program has imported it."""

    def begin(self) -> None:
        """Do what has to be done besides patching, when it is instrumented."""

    def end(self) -> None:
        """Undo that."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported versions; one of them is enough."""
        return self.library.supports

    def conflict(self) -> DependencyConflict | None:
        """Why the installed library cannot be instrumented; None when it can."""
        conflicts = [get_dependency_conflicts([each]) for each in self.library.supports]
        if not conflicts or None in conflicts:
            return None
        found = [each for each in conflicts if each is not None and each.found]
        return (found or conflicts)[0]

    @property
    def active(self) -> bool:
        """Whether it is instrumented now."""
        return bool(self.is_instrumented_by_opentelemetry)

    def instrument(self, **kwargs: Any) -> Any:
        """Instrument the library, unless it is not installed or not supported: then nothing happens.

        The installed version is looked at whatever ``skip_dep_check`` says, since the launcher sets it after a look
        at the requirements of a whole distribution, not at this one library's.

        Raises:
            DependencyConflictError: With ``raise_exception_on_conflict=True``, why nothing happens.
        """
        conflict = self.conflict()
        if conflict is None:
            return self._instrument_safely(**{**kwargs, "skip_dep_check": True})
        if kwargs.get("raise_exception_on_conflict"):
            raise DependencyConflictError(conflict)
        _logger.info("signalscope: %s is not instrumented: %s", self.library.title, conflict)
        return None

    def _instrument_safely(self, **kwargs: Any) -> Any:
        """Instrument; a failure is logged and counted. Other distributions' launchers would stop at it."""
        try:
            return super().instrument(**kwargs)
        except Exception:  # ours, and neither the program's nor the other instrumentors' business
            _logger.exception("signalscope: instrumenting %s failed; going on without it", self.library.title)
        internal_error("instrumentation")
        return None

    def measure(
        self,
        owner: Any,
        name: str,
        measured: Callable[[Any], Any],
        *,
        nested: bool = False,
        over: bool = False,
    ) -> bool:
        """Patch a function of a module, or a method of a class.

        Args:
            owner: The module or class; None for one that this version of the library does not have.
            name: The attribute. It is left alone when there is none.
            measured: Gives the measured callable for the original: a decorator of `signalscope.decorators`.
            nested: Whether calls inside a measured calculation are measured too.
            over: Whether to patch it also where another instrumentor has.

        Returns:
            Whether there is such an attribute.
        """
        if owner is None:
            return False

        def make(original: Any, undone: Callable[[], bool]) -> Any:
            hooked = with_hooks(original, self.options.get("request_hook"), self.options.get("response_hook"))

            def otherwise() -> bool:
                return undone() or (not nested and inside()) or (bool(get_current()) and suppressed())

            return either(original, measured(hooked), otherwise=otherwise)

        return self.patches.add(owner, name, make, over=over)

    def replace(self, owner: Any, name: str, make: Callable[[Any, Callable[[], bool]], Any]) -> bool:
        """Patch a method of a class, or a function of a module, with one that calls the original itself.

        Args:
            owner: The class or module.
            name: The attribute. It is left alone when there is none.
            make: Gives the replacement for the original, which takes a method's object as its first argument, and for
                a function that tells on each call whether the patch has been undone.

        Returns:
            Whether there is such an attribute.
        """
        return self.patches.add(owner, name, lambda original, undone: make(taking_self(original), undone))

    def on_created(self, cls: type, act: Callable[[Any], object]) -> None:
        """Call a function with each new object of a class, after its constructor.

        Args:
            cls: The class.
            act: The function; what it raises is counted.
        """

        def make(original: Method, undone: Undone) -> Method:
            @functools.wraps(original)
            def init(thing: Any, *args: Any, **kwargs: Any) -> None:
                original(thing, *args, **kwargs)
                if not undone():
                    self.safely(lambda: act(thing))

            return init

        self.replace(cls, "__init__", make)

    def safely(self, act: Callable[[], object]) -> None:
        """Call a function; an exception is counted, and does not reach the program."""
        try:
            act()
        except Exception:  # must not reach the caller
            internal_error(f"instrumentation.{self.library.name}")

    @property
    def span(self) -> Any:
        """When measured calls have spans: as `instrument` was told, else SIGNALSCOPE_LIBRARY_SPANS, else auto."""
        wanted = self.options.get("span") or os.environ.get(_SPANS) or "auto"
        if wanted in _MODES:
            return wanted
        _logger.error("signalscope: %s=%r is not allowed; allowed: %s", _SPANS, wanted, ", ".join(_MODES))
        return "auto"

    def _instrument(self, **kwargs: Any) -> None:
        self.options = kwargs
        nesting.on = True
        self.begin()
        for name, hook in self.hooks().items():
            when_imported(name, self._while_instrumented(hook, kwargs))

    def _uninstrument(self, **kwargs: Any) -> None:
        self.options = {}
        self.patches.undo()
        self.end()

    def _while_instrumented(self, hook: Hook, options: Mapping[str, Any]) -> Hook:
        """The hook, unless it was uninstrumented (and perhaps instrumented anew) before the module was imported."""

        def call(module: ModuleType) -> None:
            if self.options is options:
                try:
                    hook(module)
                finally:
                    self.patches.spread(module)

        return call
