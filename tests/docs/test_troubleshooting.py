"""The troubleshooting page quotes messages of the source, with their codes."""

from __future__ import annotations

import re

import pytest
from tests.docs.pages import DOCS
from tools import errors

_PAGE = DOCS / "troubleshooting.md"
_MESSAGE = re.compile(r"^Message: (`+) ?(.+?) ?\1$", re.MULTILINE)


def _messages() -> list[object]:
    text = _PAGE.read_text(encoding="utf-8")
    return [
        pytest.param(match[2], id=f"line {text.count(chr(10), 0, match.start()) + 1}")
        for match in _MESSAGE.finditer(text)
    ]


@pytest.fixture(scope="module")
def coded() -> dict[str, list[str]]:
    """The messages of each code in the source."""
    return errors.messages(errors.SOURCES)


@pytest.mark.parametrize("message", _messages())
def test_a_quoted_message_is_in_the_source(message: str, coded: dict[str, list[str]]) -> None:
    """It ends with its code, and a message with this code has the same words; an ellipsis leaves words out."""
    words, code = message.removesuffix("]").rsplit(" [", 1)
    pattern = re.compile(".*".join(re.escape(part.strip()) for part in words.split("…")))
    assert any(pattern.search(text) for text in coded[code]), coded[code]


def test_each_quoted_message_is_checked() -> None:
    """A line that quotes a message in another form fails with its number."""
    lines = _PAGE.read_text(encoding="utf-8").splitlines()
    assert [
        n for n, line in enumerate(lines, 1) if line.startswith("Message") and not _MESSAGE.match(line)
    ] == []


def test_there_are_enough_entries_with_a_way_out() -> None:
    """At least twenty, each with a way out."""
    entries = re.split(r"^### ", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(entries) >= 20
    assert [entry.partition("\n")[0] for entry in entries if "**Way out.**" not in entry] == []
