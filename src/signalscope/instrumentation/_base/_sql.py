"""Operation and table of an SQL statement, for database metrics; the statement's text is not recorded."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from time import perf_counter

from signalscope.contract._model import OTHER
from signalscope.recording import get_instrument, internal_error

#: Number of characters that are read: the operation and the first table are at the beginning of a statement.
_LONGEST = 4_000
_LONGEST_NAME = 63
_NOISE = re.compile(r"/\*.*?\*/|--[^\n]*|'(?:[^']|'')*'", re.DOTALL)
_VERB = re.compile(r"\b(select|insert|replace|update|delete)\b", re.IGNORECASE)
_IDENTIFIER = (
    r"((?:[\w$]+|\"[^\"]+\"|`[^`]+`|\[[^\]]+\])(?:\s*\.\s*(?:[\w$]+|\"[^\"]+\"|`[^`]+`|\[[^\]]+\]))*)"
)
_TABLE = {
    "select": re.compile(rf"\bfrom\s+(?:only\s+)?{_IDENTIFIER}", re.IGNORECASE),
    "insert": re.compile(rf"\binto\s+{_IDENTIFIER}", re.IGNORECASE),
    "update": re.compile(rf"\bupdate\s+(?:only\s+)?{_IDENTIFIER}", re.IGNORECASE),
    "delete": re.compile(rf"\bfrom\s+(?:only\s+)?{_IDENTIFIER}", re.IGNORECASE),
}
#: The word "from" without a table after it.
_NO_TABLE = re.compile(
    r"(\b(?:extract|substring|trim|overlay)\s*\((?:[^()]|\([^()]*\))*?|\bdistinct\s+)\bfrom\b", re.IGNORECASE
)
#: The names of common table expressions, in a text without their queries in brackets.
_EXPRESSION = re.compile(rf"(?:\bwith\s+(?:recursive\s+)?|,\s*){_IDENTIFIER}\s+as\b", re.IGNORECASE)
_FIRST = re.compile(r"[\s(]*(\w+)")
_OPERATIONS = {verb: verb for verb in _TABLE} | {"replace": "insert"}


@functools.lru_cache(maxsize=1_000)
def _read(statement: str) -> tuple[str, str]:
    text = _NO_TABLE.sub(r"\1", _NOISE.sub(" ", statement))
    first = _FIRST.match(text)
    verb = first[1].lower() if first else ""
    if verb == "with":  # the statement after its common table expressions
        outside = _without_brackets(text)
        verbs = _VERB.search(outside)
        verb = verbs[1].lower() if verbs else ""
        expressions = set(map(_name, _EXPRESSION.findall(outside)))
        table = _table(verb, outside, expressions)
        if table == OTHER:
            table = _table(verb, text, expressions)
        return table, _OPERATIONS.get(verb, OTHER)
    return _table(verb, text), _OPERATIONS.get(verb, OTHER)


def table_and_operation(statement: object) -> tuple[str, str]:
    """Return the first table of a statement, in lower case, and the operation: select, insert, update or delete.

    A missing table or operation is ``other``. A common table expression is not a table. Quoted texts and comments are
    ignored.
    """
    return _read(statement[:_LONGEST]) if isinstance(statement, str) else (OTHER, OTHER)


def record_query(query_type: str, statement: object, begun: float) -> None:
    """Record a query; `begun` is the value of `perf_counter` at its start. Never raise an exception."""
    try:
        elapsed = perf_counter() - begun
        get_instrument("signal_service.database.query").series(
            query_type, *table_and_operation(statement)
        ).record(elapsed)
    except Exception:  # must not reach the caller
        internal_error("instrumentation.database")


def _table(verb: str, text: str, besides: Collection[str] = ()) -> str:
    pattern = _TABLE.get(_OPERATIONS.get(verb, ""))
    names = map(_name, pattern.findall(text) if pattern is not None else ())
    name = next((name for name in names if name not in besides), OTHER)
    return name if len(name) <= _LONGEST_NAME else OTHER


def _name(identifier: str) -> str:
    return re.sub(r'[\s"`\[\]]', "", identifier).lower()


def _without_brackets(text: str) -> str:
    depth, kept = 0, []
    for character in text:
        depth += character == "("
        if not depth:
            kept.append(character)
        depth -= character == ")" and depth > 0
    return "".join(kept)
