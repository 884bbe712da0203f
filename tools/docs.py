"""Build the documentation site, and check what its generator does not check: `make docs`.

Zensical reports links and anchors that lead nowhere. This adds pages outside the navigation, links that leave docs/,
missing pictures, links of README.md and CONTRIBUTING.md, and public names without documentation or without a place
in the API reference. Each message has a file and a line.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import griffe
from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["PUBLIC", "Link", "Problem", "links", "problems"]

ROOT = Path(__file__).resolve().parents[1]
#: Packages whose ``__all__`` users may rely on. The API reference has every name in them.
PUBLIC = (
    "signalscope",
    "signalscope.metrics",
    "signalscope.users",
    "signalscope.health",
    "signalscope.breakers",
    "signalscope.fastapi",
    "signalscope.testing",
    "signalscope.setup",
    "signalscope.config",
    "signalscope.contract",
    "signalscope.derived",
    "signalscope.derived.read",
    "signalscope.recording",
    "signalscope.exposition",
)
#: Folders whose pages are reached from an index page, not from the navigation.
_INDEXED = {"runbooks": "runbooks/README.md"}
#: Pages outside docs/ whose links are checked here.
_OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
_EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class Problem(NamedTuple):
    """Something that is wrong in the documentation.

    Attributes:
        path: The file, below the checkout.
        line: The line, from 1.
        text: What is wrong, and what to do.
    """

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Link(NamedTuple):
    """A link or a picture of a page.

    Attributes:
        line: The first line of its paragraph, from 1.
        target: The address as it is written.
        is_picture: True for a picture.
    """

    line: int
    target: str
    is_picture: bool


def links(text: str) -> list[Link]:
    """Return the links and pictures of a Markdown page; code blocks have none."""
    parser = MarkdownIt("commonmark").enable("table")
    return list(_links(parser.parse(text), 0))


def _links(tokens: list[Token], line: int) -> Iterator[Link]:
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        if token.type == "link_open":
            yield Link(line, str(token.attrs["href"]), False)
        elif token.type == "image":
            yield Link(line, str(token.attrs["src"]), True)
        yield from _links(token.children or [], line)


def problems(root: Path = ROOT) -> list[Problem]:
    """Return what is wrong in a checkout, apart from what Zensical reports.

    Args:
        root: The checkout.
    """
    return [*_navigation(root), *_page_links(root), *_outside_links(root), *_api(root)]


def _pages(root: Path) -> list[str]:
    docs = root / "docs"
    return sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))


def _navigation(root: Path) -> Iterator[Problem]:
    """Yield pages that no reader finds, and entries of the navigation that have no page."""
    source = (root / "zensical.toml").read_text(encoding="utf-8")
    listed = set(_entries(tomllib.loads(source)["project"]["nav"]))
    pages = _pages(root)
    lines = source.splitlines()
    for entry in sorted(listed - set(pages)):
        number = next((n for n, line in enumerate(lines, 1) if f'"{entry}"' in line), 1)
        yield Problem("zensical.toml", number, f"docs/{entry} is not there; remove the entry or add the page")
    for page in sorted(set(pages) - listed):
        folder = page.partition("/")[0]
        index = _INDEXED.get(folder)
        if index is None:
            yield Problem(f"docs/{page}", 1, "the page is not in the navigation; add it to zensical.toml")
            continue
        text = (root / "docs" / index).read_text(encoding="utf-8")
        if page.removeprefix(f"{folder}/") not in {link.target for link in links(text)}:
            yield Problem(f"docs/{page}", 1, f"docs/{index} has no link to the page")


def _entries(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for value in nav.values():
            yield from _entries(value)
    else:
        for value in nav:
            yield from _entries(value)


def _page_links(root: Path) -> Iterator[Problem]:
    """Yield links of pages that the site cannot have, and pictures that are not there."""
    for page in _pages(root):
        path = root / "docs" / page
        for link in links(path.read_text(encoding="utf-8")):
            target = link.target.partition("#")[0]
            if not target or _EXTERNAL.match(link.target):
                continue
            inside = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
            if inside.startswith(".."):
                text = f"{link.target} is outside of docs/; link to the repository's page on the web"
                yield Problem(f"docs/{page}", link.line, text)
            elif not (root / "docs" / inside).exists():
                yield Problem(f"docs/{page}", link.line, f"{link.target} is not there")


def _outside_links(root: Path) -> Iterator[Problem]:
    for name in _OUTSIDE:
        for link in links((root / name).read_text(encoding="utf-8")):
            target, _, anchor = link.target.partition("#")
            if _EXTERNAL.match(link.target):
                continue
            path = root / target if target else root / name
            if not path.exists():
                yield Problem(name, link.line, f"{link.target} is not there")
            elif anchor and path.suffix == ".md" and anchor not in _anchors(path):
                yield Problem(name, link.line, f"{link.target}: there is no such heading")


def _anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    titles = [text.content for token, text in itertools.pairwise(tokens) if token.type == "heading_open"]
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title)).strip().lower().replace(" ", "-")
        for title in titles
    }


def _api(root: Path) -> Iterator[Problem]:
    """Yield public names that have no documentation, and packages that the API reference leaves out."""
    package = griffe.load("signalscope", search_paths=[str(root / "src")])
    pages = "\n".join((root / "docs" / page).read_text(encoding="utf-8") for page in _pages(root))
    shown = set(re.findall(r"^::: ([\w.]+)$", pages, re.MULTILINE))
    for name in PUBLIC:
        module = package if name == "signalscope" else package[name.removeprefix("signalscope.")]
        path = Path(str(module.filepath)).relative_to(root).as_posix()
        if name not in shown:
            yield Problem(path, 1, f"no page of docs/ has `::: {name}`")
        if not module.docstring:
            yield Problem(path, 1, f"{name} has no docstring")
        for export in module.exports or ():
            if str(export) != "__version__":
                yield from _undocumented(root, f"{name}.{export}", module[str(export)])


def _undocumented(root: Path, name: str, member: griffe.Object | griffe.Alias) -> Iterator[Problem]:
    """Yield a problem for a public name without a docstring, and for each such member of a public class."""
    final = member.final_target if isinstance(member, griffe.Alias) else member
    path = Path(str(final.filepath)).relative_to(root).as_posix()
    if not final.docstring:
        yield Problem(path, final.lineno or 1, f"{name} is public and has no docstring")
    if isinstance(final, griffe.Class):
        for method in final.functions.values():
            if not method.name.startswith("_") and not method.docstring:
                yield Problem(
                    path, method.lineno or 1, f"{name}.{method.name} is public and has no docstring"
                )


def main() -> int:
    """Check, then build the site into site/. Return the exit status."""
    found = problems()
    for problem in found:
        print(problem, file=sys.stderr)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode:
        output = built.stdout + built.stderr.partition("Traceback")[0]
        print(re.sub(r"\x1b\[[0-9;]*m", "", output), file=sys.stderr)
    if found or built.returncode:
        return 1
    print(f"the site is in {ROOT / 'site'}; open {ROOT / 'site' / 'index.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
