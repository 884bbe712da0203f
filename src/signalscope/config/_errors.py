"""Messages about configuration errors: file, line, key, cause and way out."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def syntax_message(path: Path, error: ValueError) -> str:
    """Return the message about a file that is not TOML, as `file:line`, which editors can open."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
    if match is None:  # an error at the end of the document has no line
        return f"{path}: not TOML: {error} [SS102]"
    return f"{path}:{match[2]}: not TOML: {match[1]} (column {match[3]}) [SS102]"


def message_of(path: Path, text: str, problem: ErrorDetails, defaults: BaseModel) -> str:
    """Return a configuration error as one line: file, line, key, cause, the nearest known key and the code.

    Args:
        path: The file.
        text: The content of the file.
        problem: The error that pydantic reports.
        defaults: The configuration without a file.
    """
    message = problem["msg"]
    names = _keys(problem["loc"])
    if not names and (key := re.match(r"Value error, ([\w.]+): ", message)):  # a check of several sections
        names, message = key[1].split("."), message[key.end() :]
    if problem["type"] == "extra_forbidden":
        known = _known(defaults, names[:-1])
        near = difflib.get_close_matches(names[-1], known, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        message = f"unknown key{hint} The keys are: {', '.join(known)} [SS103]"
    elif problem["type"] in {"model_type", "dict_type"}:
        message = f"it is a table: write [{'.'.join(names)}] and its keys below [SS104]"
    elif problem["type"] != "value_error":
        message = f"{message} [SS104]"
    return f"{path}:{line_of(text, names)}: {'.'.join(names)}: {message.removeprefix('Value error, ')}"


def _keys(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of a location, without the parts that pydantic adds about types."""
    added = ("constrained", "function", "[key]")
    return [key for key in location if isinstance(key, str) and not key.startswith(added)]


def _known(section: Any, path: list[str]) -> list[str]:
    """Return the allowed keys of the table at a path."""
    for name in path:
        section = getattr(section, name)
    return [field.alias or name for name, field in type(section).model_fields.items()]


def line_of(text: str, names: list[str]) -> int:
    """Return the line number of a key, or of the heading of its table if the key is not in the text."""
    table: list[str] = []
    best = (0, 1)
    for number, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\s*\[([\w.\s-]+)\]", line):
            table = [name.strip() for name in heading[1].split(".")]
            here = table
        elif key := re.match(r"\s*([\w.-]+)\s*=", line):
            here = [*table, *key[1].split(".")]
        else:
            continue
        depth = min(len(here), len(names))
        if depth > best[0] and here[:depth] == names[:depth]:
            best = (depth, number)
    return best[1]
