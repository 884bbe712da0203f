"""A page that is wrong fails, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import Run, mistakes, read


def _page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def _follow(tmp_path: Path, text: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Run(read(_page(tmp_path, text)), home).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# A\n\n```\ncommand\n```\n", "page.md:3: no test runs the block without a language"),
        ("# A\n\n```rust\nfn main() {}\n```\n", "page.md:3: no test runs the language 'rust'"),
        ("<!-- not run: later -->\n```sh\ntrue\n```\n", "page.md:2: say why the block is not run"),
        ("<!-- output -->\n```text\nyes\n```\n", "page.md:2: an output follows the sh block"),
    ],
)
def test_a_block_that_no_test_runs_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """Unless a comment gives the reason."""
    wrong = list(mistakes(read(_page(tmp_path, text))))
    assert len(wrong) == 1
    assert wrong[0].startswith(message)


def test_a_block_with_a_reason_is_accepted_and_not_run(tmp_path: Path) -> None:
    """The reason has at least three words."""
    text = "<!-- not run: it needs a Grafana -->\n```sh\nexit 7\n```\n"
    assert list(mistakes(read(_page(tmp_path, text)))) == []
    _follow(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```sh\necho before; exit 7\n```\n", "page.md:1: exit status 7"),
        (
            "```sh\necho no\n```\n\n<!-- output -->\n```text\nyes\n```\n",
            "page.md:1: the output lacks the line 'yes'",
        ),
        ("# A\n\n```python\nx = 1\n\nraise KeyError(x)\n```\n", 'page.md", line 6'),
        ("```toml\n[thresholds]\nno_such_key = 1\n```\n", "page.md:1: "),
        ("```toml\n[[target]]\npath = 'a.b'\n```\n", "page.md:1: "),
        ("```promql\nsum(\n```\n", "page.md:1: "),
    ],
)
def test_a_block_that_does_not_work_fails(text: str, message: str, tmp_path: Path) -> None:
    """Of each language; the message has the page and the line."""
    with pytest.raises(AssertionError) as caught:
        _follow(tmp_path, text)
    assert message in str(caught.value)


def test_blocks_of_a_page_share_folder_variables_and_files(tmp_path: Path) -> None:
    """As for a reader who types them into one terminal."""
    _follow(
        tmp_path,
        "```sh\nmkdir desk && cd desk\nexport VENUE=xnas\n```\n\n"
        '```toml title="my.toml"\n[selectors]\njob = "pricing"\n```\n\n'
        "```sh\ncat my.toml; echo $VENUE; basename $PWD\n```\n\n"
        '<!-- output -->\n```text\njob = "…"\nxnas\ndesk\n```\n',
    )
