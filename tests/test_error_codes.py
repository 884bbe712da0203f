"""The check of error codes: a message without a code, and a code without an explanation, fail with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import errors

SOURCE = """
def f(path, log, warnings):
    if path:
        raise ValueError(f"{path}: not TOML [SS101]")
    log.warning("the file %s is ignored", path)
    raise KeyError("there is no key " + repr(path))
"""
ENTRY = 'title = "Not TOML"\ncause = "A typing error."\nway_out = "Repair the line."\n'


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one module and one table."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "module.py").write_text(SOURCE, encoding="utf-8")
    tables = tmp_path / "docs" / "errors"
    tables.mkdir(parents=True)
    (tables / "1-files.toml").write_text(f'group = "Files"\n\n[SS101]\n{ENTRY}', encoding="utf-8")
    for name, value in {
        "ROOT": tmp_path,
        "SOURCES": tmp_path / "src",
        "TABLES": tables,
    }.items():
        monkeypatch.setattr(errors, name, value)
    return tmp_path


def _problems(checkout: Path) -> list[str]:
    table = errors.Table(checkout / "docs" / "errors")
    return list(errors.problems(table, checkout / "src"))


def test_a_message_without_a_code_is_named(checkout: Path) -> None:
    """A raised, logged or warned message is named with file, line and text; an exempt class passes."""
    assert _problems(checkout) == [
        "src/module.py:5: warning has no code: the file %s is ignored",
        "src/module.py:6: KeyError has no code: there is no key ",
    ]
    (checkout / "docs" / "errors" / "exempt.toml").write_text('KeyError = "tested"\n', encoding="utf-8")
    assert len(_problems(checkout)) == 1


def test_a_code_needs_an_explanation_in_the_file_of_its_group(checkout: Path) -> None:
    """An unexplained or unused code, one in the wrong file, and an empty text are named."""
    table = checkout / "docs" / "errors" / "1-files.toml"
    table.write_text(
        'group = "Files"\n[SS202]\ntitle = "Other"\ncause = ""\nway_out = "None."\n', encoding="utf-8"
    )
    assert _problems(checkout)[2:] == [
        "src/module.py:4: SS101 is not explained in docs/errors/",
        "docs/errors/1-files.toml:2: SS202 is not used in src/ or collector/",
        "docs/errors/1-files.toml:2: SS202 is not a code of this file",
        "docs/errors/1-files.toml:2: SS202 has no cause",
    ]


def test_the_page_quotes_the_messages_of_a_code(checkout: Path) -> None:
    """Readers search for words of the message. An ellipsis stands for a value; docstrings are left out."""
    module = checkout / "src" / "module.py"
    module.write_text(
        'def f(log, name):\n    """Explain SS101."""\n    log.warning("%s is `odd` [SS101]", name)\n'
        '    raise ValueError("no key " + repr(name) + " [SS101]")\n',
        encoding="utf-8",
    )
    texts = errors.messages(checkout / "src")
    assert texts == {"SS101": ["… is `odd`", "no key …"]}
    text = errors.page(errors.Table(checkout / "docs" / "errors"), texts)
    assert "### SS101: Not TOML\n\nMessages:\n\n* `` … is `odd` ``\n* `no key …`\n\n**Cause.**" in text


def test_the_page_explains_each_code(checkout: Path) -> None:
    """Below the title of the group each code has a heading to link to, the cause and the way out."""
    text = errors.page(errors.Table(checkout / "docs" / "errors"))
    assert (
        "## Files\n\n### SS101: Not TOML\n\n**Cause.** A typing error.\n\n**Way out.** Repair the line.\n"
        in text
    )
