"""The endpoint group of a path: the first segment of its route template that is not ``api`` or a version."""

from __future__ import annotations

import re
from collections.abc import Iterable

from signalscope.web._measurement import UNMATCHED

_IGNORED = re.compile(r"api|v\d+")
_ANGLES = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_PARAMETER = re.compile(r"{\w+(:\w+)?}")


class GroupIndex:
    """The endpoint groups of the routes of an application.

    Segments such as ``api`` and ``v1`` and parameters are skipped. Concurrency is counted before routing, so the
    group of a request comes from its path. Only segments that a route has are used, because clients can send any
    number of others.

    Args:
        templates: The route templates, with parameters as ``{name}`` or ``{name:path}``. True marks the path of a
            mount that answers every path below it.
    """

    def __init__(self, templates: Iterable[tuple[str, bool]] = ()) -> None:
        known, patterns = set(), {}
        for template, is_prefix in templates:
            first = first_of(template)
            if (is_prefix and first == "/") or _PARAMETER.search(first):
                patterns[_pattern(template, is_prefix=is_prefix)] = first_of(_PARAMETER.sub("", template))
            else:
                known.add(first)
        self._known, self._patterns = frozenset(known), list(patterns.items())

    def find(self, path: str) -> str:
        """Return the endpoint group of a path; ``unmatched`` if no route has its first segment."""
        segment = first_of(path)
        if segment in self._known:
            return segment
        return next((group for pattern, group in self._patterns if pattern.fullmatch(path)), UNMATCHED)


def first_of(path: str) -> str:
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


def with_braces(template: str) -> str:
    """Return a template of Flask or Django with parameters as in FastAPI: `<int:number>` becomes `{number}`."""
    return _ANGLES.sub(lambda match: f"{{{match[2]}{':path' if match[1] == 'path' else ''}}}", template)
