"""The endpoint group of a request, which is known before the request is routed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from signalscope.fastapi._routes import NESTED, flat, path_in, routed
from signalscope.web._groups import GroupIndex, first_of
from signalscope.web._measurement import UNMATCHED

#: The largest depth of applications in applications whose routes have groups.
_DEPTH = 10


class Groups:
    """The endpoint groups of an application, which are read again after its routes have changed."""

    def __init__(self) -> None:
        self._index = GroupIndex()
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
        return self._index.find(path_in(scope))

    def _has_changed(self, root: Any) -> bool:
        if not self._sizes or self._sizes[0][0] is not root:
            return True
        for owner, size in self._sizes:  # noqa: SIM110  # faster than `any`, and every request comes here
            if len(owner.routes) != size:
                return True
        return False

    def _read(self, root: Any) -> None:
        self._sizes = []
        self._index = GroupIndex(self._templates(root, "", 0))

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
                if first_of(template) != "/":
                    yield template, False
                yield from self._templates(inside, template, depth + 1)
        router = getattr(owner, "router", owner)
        for frontends in getattr(router, "_low_priority_routes", ()):  # of `FastAPI.frontend`
            for route in getattr(frontends, "routes", ()):
                yield prefix + route.path.rstrip("/"), True
