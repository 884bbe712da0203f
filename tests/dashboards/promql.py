"""Names in the expressions of panels, and expressions with the variables replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["filled", "grouped", "ranges", "selectors"]

_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_LABELS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def filled(expression: str, *, job: str = "signal-service", window: str = "30s", reach: str = "5m") -> str:
    """Return the expression as Grafana sends it if all values are selected."""
    values = {"$__rate_interval": window, "$__range": reach, "$job": job, "$instance": ".+", "$tier": ".+"}
    for name, value in values.items():
        expression = expression.replace(name, value)
    assert "$" not in re.sub(r'"\$1"', "", expression), expression
    return expression


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name and the matchers by label of each selected series."""
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        strings.append(match[0])
        return f"\x00{len(strings) - 1}\x00"

    bare = _LABELS.sub(" ", re.sub(r'"(?:[^"\\]|\\.)*"', keep, expression))
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    for match in re.finditer(r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?", bare):
        name, rest = match[1], match[2] or ""
        if rest == "(" or name in _WORDS or bare[max(0, match.start() - 1)] == "\x00":
            continue
        if re.match(r"[\w]", bare[match.start() - 1 : match.start()] or " "):
            continue  # the exponent of a number
        matchers = re.findall(r"(\w+)\s*(=~|!~|!=|=)\s*\x00(\d+)\x00", rest)
        yield name, {label: f"{operator}{strings[int(number)]}" for label, operator, number in matchers}


def grouped(expression: str) -> set[str]:
    """Return the labels that the expression groups or joins by."""
    return {
        label.strip()
        for _, labels in _LABELS.findall(re.sub(r'"[^"]*"', '""', expression))
        for label in labels.split(",")
        if label.strip()
    }


def ranges(expression: str) -> list[tuple[str, str]]:
    """Return each function with a range, and the range."""
    return re.findall(r"(\w+)\([^()]*?(?:\{[^}]*\})?\[([^\]]*)\]", expression)
