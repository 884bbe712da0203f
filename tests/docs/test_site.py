"""`make docs` builds the site, and refuses what readers would stumble over, with file and line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.docs.pages import ROOT
from tools import docs

_READ = ("docs", "zensical.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "src", "collector")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the checks read."""
    for name in _READ:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


def _messages(root: Path) -> list[str]:
    return [str(problem) for problem in docs.problems(root)]


def _append(path: Path, text: str) -> int:
    """Append a line to a page, and return its number."""
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\n{text}\n", encoding="utf-8")
    return before.count("\n") + 2


def test_the_documentation_has_no_problem() -> None:
    """Of this checkout."""
    assert _messages(ROOT) == []


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    """`make docs` writes it from the help texts."""
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == docs.command_line()


def test_the_site_is_built_without_a_warning(checkout: Path) -> None:
    """Zensical finds every link and anchor, and mkdocstrings every name."""
    done = docs.build(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (checkout / "site" / "api" / "signalscope" / "index.html").read_text(encoding="utf-8")
    assert 'id="signalscope.instrument_greeks"' in page


def test_links_that_lead_nowhere_fail_the_build(checkout: Path) -> None:
    """A page, an anchor and a name that do not exist; the message has the page and the line."""
    page = checkout / "docs" / "glossary.md"
    first = _append(page, "[lost](nowhere.md)")
    second = _append(page, "[lost](metrics.md#no-such-heading)")
    third = _append(page, "[lost][signalscope.no_such_name]")
    done = docs.build(checkout)
    assert done.returncode != 0
    for line, message in (
        (first, "page does not exist"),
        (second, "anchor does not exist"),
        (third, "unresolved"),
    ):
        assert re.search(rf"{message}.*\n.*glossary.md:{line}:", done.stdout), done.stdout


def test_a_page_outside_the_navigation_is_named(checkout: Path) -> None:
    """No reader would find it."""
    (checkout / "docs" / "lost.md").write_text("# Lost\n", encoding="utf-8")
    assert _messages(checkout) == [
        "docs/lost.md:1: the page is not in the navigation; add it to zensical.toml"
    ]


def test_an_entry_of_the_navigation_without_a_page_is_named(checkout: Path) -> None:
    """With its line of zensical.toml."""
    (checkout / "docs" / "glossary.md").unlink()
    text = (checkout / "zensical.toml").read_text(encoding="utf-8")
    line = text[: text.index('"glossary.md"')].count("\n") + 1
    expected = f"zensical.toml:{line}: docs/glossary.md is not there; remove the entry or add the page"
    assert expected in _messages(checkout)


def test_a_missing_picture_and_a_link_out_of_the_site_are_named(checkout: Path) -> None:
    """Zensical does not look at them."""
    page = checkout / "docs" / "glossary.md"
    first = _append(page, "![lost](images/lost.png)")
    second = _append(page, "[source](../src/signalscope/__init__.py)")
    messages = _messages(checkout)
    assert f"docs/glossary.md:{first}: images/lost.png is not there" in messages
    assert any(text.startswith(f"docs/glossary.md:{second}: ../src/") for text in messages)


def test_a_broken_link_of_the_readme_is_named(checkout: Path) -> None:
    """It is not a page of the site."""
    line = _append(checkout / "README.md", "[lost](docs/metrics.md#no-such-heading)")
    picture = _append(checkout / "README.md", '<img src="docs/images/lost.png">')
    expected = f"README.md:{line}: docs/metrics.md#no-such-heading: the page does not have such a heading"
    messages = _messages(checkout)
    assert expected in messages
    assert f"README.md:{picture}: docs/images/lost.png is not there" in messages


def test_a_public_name_without_documentation_is_named(checkout: Path) -> None:
    """With the place of its definition; so is a package that the API reference leaves out."""
    path = checkout / "src" / "signalscope" / "testing.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('"capture"]', '"bare", "capture"]') + "\n\ndef bare() -> None: ...\n", encoding="utf-8"
    )
    (checkout / "docs" / "api" / "users.md").write_text("# Users\n", encoding="utf-8")
    line = text.count("\n") + 3
    messages = _messages(checkout)
    assert (
        f"src/signalscope/testing.py:{line}: signalscope.testing.bare is public and has no docstring"
        in messages
    )
    assert "src/signalscope/users/__init__.py:1: no page of docs/ has `::: signalscope.users`" in messages


def test_a_message_without_a_code_and_a_code_without_a_text_are_named(checkout: Path) -> None:
    """The place of the message in the source, or of the code in docs/errors/."""
    path = checkout / "src" / "signalscope" / "testing.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + '\n\ndef _bare() -> None:\n    raise ValueError("without a code")\n', encoding="utf-8"
    )
    table = checkout / "docs" / "errors" / "1-configuration.toml"
    line = _append(table, "[SS199]")
    messages = _messages(checkout)
    message = f"src/signalscope/testing.py:{text.count(chr(10)) + 4}: ValueError has no code: without a code"
    assert message in messages
    assert f"docs/errors/1-configuration.toml:{line}: SS199 has no cause, title, way_out" in messages


def test_an_outdated_error_page_is_named(checkout: Path) -> None:
    """`make generate` writes it."""
    _append(checkout / "docs" / "errors.md", "Changed.")
    assert "docs/errors.md:1: the page is not as generated; run `make generate`" in _messages(checkout)
