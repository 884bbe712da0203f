"""The troubleshooting page quotes messages that the product really has."""

from __future__ import annotations

import re

import pytest
from tests.docs.pages import DOCS, ROOT

_PAGE = DOCS / "troubleshooting.md"
_MESSAGE = re.compile(r"^Message: `(.+?)`?$", re.MULTILINE)


def _messages() -> list[object]:
    text = _PAGE.read_text(encoding="utf-8")
    return [
        pytest.param(match[1], id=f"line {text.count(chr(10), 0, match.start()) + 1}")
        for match in _MESSAGE.finditer(text)
    ]


@pytest.fixture(scope="module")
def source() -> str:
    """The source, with neighbouring strings joined and without placeholders."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
    joined = re.sub(r'"\s*\n\s*f?"', "", text)
    return joined.replace('\\"', '"')


@pytest.mark.parametrize("message", _messages())
def test_a_quoted_message_is_in_the_source(message: str, source: str) -> None:
    """Each of its parts is; the parts between are what a run fills in."""
    for part in filter(str.strip, re.split(r"…|`", message)):
        assert part.strip() in source


def test_there_are_enough_entries_with_a_way_out() -> None:
    """Each entry says what to do."""
    entries = re.split(r"^### ", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(entries) >= 20
    assert [entry.partition("\n")[0] for entry in entries if "**Way out.**" not in entry] == []
