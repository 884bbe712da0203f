"""The endpoint group of a request, which is known before the request is routed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from signalscope.fastapi._routes import NESTED, UNMATCHED, flat, path_in, routed

_IGNORED = re.compile(r"api|v\d+")
_PARAMETER = re.compile(r"{\w+(:\w+)?}")
#: The largest depth of applications in applications whose routes have groups.
_DEPTH = 10


class Groups:
    """The endpoint groups of an application: the first segments of its route templates.

    Segments such as ``api`` and ``v1`` and parameters are skipped. Concurrency is counted before routing, so the
    group of a request comes from its path. Only segments that a route has are used, because clients can send any
    number of others.
    """

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self._sizes: list[tuple[Any, int]] = []

    def find(self, scope: Mapping[str, Any], root: Any) -> str:
        """Return the endpoint group of a request; ``unmatched`` if no route has its first segment.

        Args:
            scope: The ASGI scope before routing.
            root: The application with the outermost routes; None if it is unknown.
        """
        if root is None:
            return UNMATCHED
        if self._has_changed(root):
            self._read(root)
        path = path_in(scope)
        segment = _first_of(path)
        if segment in self._known:
            return segment
        return next((group for pattern, group in self._patterns if pattern.fullmatch(path)), UNMATCHED)

    def _has_changed(self, root: Any) -> bool:
        if not self._sizes or self._sizes[0][0] is not root:
            return True
        for owner, size in self._sizes:  # noqa: SIM110  # faster than `any`, and every request comes here
            if len(owner.routes) != size:
                return True
        return False

    def _read(self, root: Any) -> None:
        self._sizes = []
        known, patterns = set(), {}
        for template, is_prefix in self._templates(root, "", 0):
            first = _first_of(template)
            if (is_prefix and first == "/") or _PARAMETER.search(first):
                patterns[_pattern(template, is_prefix=is_prefix)] = _first_of(_PARAMETER.sub("", template))
            else:
                known.add(first)
        self._known, self._patterns = frozenset(known), list(patterns.items())

    def _templates(self, owner: Any, prefix: str, depth: int) -> Iterator[tuple[str, bool]]:
        """Yield the templates of all routes; with True the path of a mount that answers every path below it."""
        self._sizes.append((owner, len(owner.routes)))
        for route in owner.routes:
            included = getattr(route, "original_router", None)
            if included is not None:
                self._sizes.append((included, len(included.routes)))
        for route in flat(owner.routes):
            template = prefix + str(getattr(route, "path", ""))
            if not isinstance(route, NESTED):
                yield template, False
                continue
            inside = routed(route.app)
            if inside is None or depth == _DEPTH:
                yield template, True
            else:
                if _first_of(template) != "/":
                    yield template, False
                yield from self._templates(inside, template, depth + 1)
        router = getattr(owner, "router", owner)
        for frontends in getattr(router, "_low_priority_routes", ()):  # of `FastAPI.frontend`
            for route in getattr(frontends, "routes", ()):
                yield prefix + route.path.rstrip("/"), True


def _first_of(path: str) -> str:
    """Return the first segment of a path or template that is not ``api`` and not a version such as ``v1``."""
    segments = [segment for segment in path.split("/") if segment]
    return next((segment for segment in segments if not _IGNORED.fullmatch(segment)), "/")


def _pattern(template: str, *, is_prefix: bool) -> re.Pattern[str]:
    """Return a pattern of the paths that a template matches, or of the paths that begin with it."""
    parts, end = [], 0
    for parameter in _PARAMETER.finditer(template):
        parts += [re.escape(template[end : parameter.start()]), ".*" if parameter[1] == ":path" else "[^/]+"]
        end = parameter.end()
    return re.compile("".join([*parts, re.escape(template[end:]), "(/.*)?" if is_prefix else ""]), re.DOTALL)
