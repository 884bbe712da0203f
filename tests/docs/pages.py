"""Code blocks of Markdown pages, and how the tests run them.

Blocks of a page run in their order, in one empty folder. The language, the title and an HTML comment above a block
decide what happens with it:

| block | what happens |
| --- | --- |
| ``sh`` | bash runs it; folder, variables and functions of earlier blocks are kept |
| ``sh`` below ``<!-- background: URL -->`` | it runs until the end of the page, or until a block with the same URL |
| ``sh`` below ``<!-- retry: SECONDS -->`` | it runs again until its output is the expected one |
| ``text`` below ``<!-- output -->`` | the lines are in the output before, in this order; ``…`` stands for any text |
| any language with ``title="FILE"`` | the file is written into the folder in which the reader is |
| ``python`` | all of them run as one program at the end of the page |
| ``toml``, ``yaml``, ``json``, ``promql`` | it is read; TOML as a configuration or a targets file |
| ``text``, ``mermaid`` | nothing: a drawing or a form |
| any below ``<!-- not run: REASON -->`` | nothing |

The comment ``<!-- ports: 8000 9090 -->`` names the ports of a page. Each test run replaces them by free ones. The
comment ``<!-- needs: PART -->`` names a real part, as the mark of the tests does. With the comment
``<!-- checkout -->`` the folder of a page is a copy of the checkout.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import promql_parser
import yaml
from markdown_it import MarkdownIt
from tests.ports import free_port
from tests.waiting import DEADLINE, eventually

from signalscope import binaries, config
from signalscope.instrumentation.targets import _file as targets

__all__ = ["DOCS", "ROOT", "Block", "Page", "Run", "mistakes", "read"]

ROOT = binaries.ROOT
DOCS = ROOT / "docs"
_MARK = re.compile(r"<!-- (not run|background|retry|output|ports|needs|checkout)(?:: ([^\n]+?))? -->")
_TITLE = re.compile(r'title="([^"]+)"')
_RUN = ("sh", "python", "toml", "yaml", "json", "promql")
_FORMS = ("text", "mermaid")
#: What a page with ``<!-- checkout -->`` finds in its folder.
_COPIED = ("src", "pyproject.toml", "README.md", "LICENSE")
_COMMAND_SECONDS = 300
#: Binaries of parts with another name.
_BINARIES = {"collector": "signalscope-otelcol"}


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        line: The line of its first fence, from 1.
        language: The first word after the fence.
        title: The file that it is; None for a block without a title.
        text: Its lines.
        mark: The name in the comment above it; empty without one.
        value: What the comment says after the colon.
    """

    line: int
    language: str
    title: str | None
    text: str
    mark: str = ""
    value: str = ""


@dataclass
class Page:
    """A page with its blocks and the parts that it needs."""

    path: Path
    blocks: list[Block] = field(default_factory=list)
    ports: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    is_checkout: bool = False

    @property
    def name(self) -> str:
        """The path below the checkout."""
        return self.path.relative_to(ROOT).as_posix() if self.path.is_relative_to(ROOT) else self.path.name


def read(path: Path) -> Page:
    """Return a page with its blocks."""
    page = Page(path)
    mark, value = "", ""
    for token in MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8")):
        if token.type == "html_block":
            for mark, value in _MARK.findall(token.content):
                if mark == "ports":
                    page.ports = tuple(value.split())
                elif mark == "needs":
                    page.needs = tuple(value.split())
                elif mark == "checkout":
                    page.is_checkout = True
        elif token.type == "fence":
            language, _, rest = token.info.strip().partition(" ")
            title = _TITLE.search(rest)
            line = token.map[0] + 1 if token.map else 1
            page.blocks.append(Block(line, language, title and title[1], token.content, mark, value))
            mark, value = "", ""
        elif token.nesting != -1:
            mark, value = "", ""
    return page


def mistakes(page: Page) -> Iterator[str]:
    """Yield what is wrong with the blocks of a page, each with file and line."""
    for before, block in zip([None, *page.blocks], page.blocks, strict=False):
        where = f"{page.name}:{block.line}"
        if block.mark == "not run":
            if len(block.value.split()) < 3:
                yield f"{where}: say why the block is not run: <!-- not run: REASON -->"
        elif block.mark == "output":
            if before is None or before.language != "sh":
                yield f"{where}: an output follows the sh block that writes it"
        elif not block.title and block.language not in (*_RUN, *_FORMS):
            text = "language" if block.language else "block without a language"
            yield (
                f"{where}: no test runs the {text} {block.language!r}; use one of {', '.join(_RUN)}, or say why "
                "not: <!-- not run: REASON -->"
            )


class Run:
    """One run of a page in a folder of its own.

    Args:
        page: The page.
        home: An empty folder.
    """

    def __init__(self, page: Page, home: Path) -> None:
        self._page = page
        self._home = home
        self._folder = home / "page"
        self._state = home / "state"
        self._ports = {port: str(free_port()) for port in page.ports}
        self._background: dict[str, subprocess.Popen[str]] = {}
        self._commands: list[subprocess.Popen[str]] = []  # what they have left running ends with the page
        self._folder.mkdir()
        self._state.write_text("", encoding="utf-8")
        (home / "signalscope").symlink_to(ROOT)
        if page.is_checkout:
            for name in _COPIED:
                source = ROOT / name
                (shutil.copytree if source.is_dir() else shutil.copy)(source, self._folder / name)

    def all(self) -> None:
        """Run every block.

        Raises:
            AssertionError: A block failed; the message has file and line.
        """
        try:
            for number, block in enumerate(self._page.blocks):
                after = self._page.blocks[number + 1] if number + 1 < len(self._page.blocks) else None
                self._run(block, after.text if after is not None and after.mark == "output" else None)
            self._python()
        finally:
            for process in (*self._background.values(), *self._commands):
                _stop(process)

    def _run(self, block: Block, expected: str | None) -> None:
        if block.mark in ("not run", "output"):
            return
        text = self._with_ports(block.text)
        where = f"{self._page.name}:{block.line}"
        if block.title:
            path = self._current_folder() / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif block.language == "sh" and block.mark == "background":
            self._start(text, self._with_ports(block.value), where)
        elif block.language == "sh":
            self._command(text, expected, float(block.value) if block.mark == "retry" else 0.0, where)
        else:
            try:
                _parse(block.language, text, self._home / "signalscope.toml")
            except Exception as error:
                raise AssertionError(f"{where}: {error}") from error

    def _with_ports(self, text: str) -> str:
        for port, free in self._ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text

    def _current_folder(self) -> Path:
        """Return the current folder of a reader who has run the commands so far."""
        changes = re.findall(r"^cd (.+)$", self._state.read_text(encoding="utf-8"), re.MULTILINE)
        return Path(shlex.split(changes[-1])[0]) if changes else self._folder

    def _environment(self) -> dict[str, str]:
        tools = {str(Path(sys.executable).parent)}
        for part in self._page.needs:
            tools.add(str(Path(binaries.find(_BINARIES.get(part, part))).parent))
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SIGNALSCOPE_"))
        }
        path = os.pathsep.join((*sorted(tools), os.environ["PATH"]))
        return {**kept, "HOME": str(self._home), "PATH": path, "COLUMNS": "120", "TERM": "dumb"}

    def _script(self, text: str) -> list[str]:
        """Return the command that runs a block with the variables and the folder of earlier blocks."""
        state = shlex.quote(str(self._state))
        keep = (
            f"trap 'code=$?; {{ export -p; declare -f; echo cd \"${{PWD@Q}}\"; }} >{state}; exit $code' EXIT"
        )
        return ["bash", "-c", f"set -euo pipefail\n. {state}\n{keep}\n{text}"]

    def _command(self, text: str, expected: str | None, seconds: float, where: str) -> None:
        def attempt() -> str:
            """Return why the block is not right yet; empty when it is."""
            command = subprocess.Popen(
                self._script(text), cwd=self._folder, env=self._environment(), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )  # fmt: skip
            self._commands.append(command)
            output, _ = command.communicate(timeout=_COMMAND_SECONDS)
            if command.returncode:
                return f"{where}: exit status {command.returncode}\n{text}\n{output}"
            missing = _first_missing(self._with_ports(expected or ""), output)
            return f"{where}: the output lacks the line {missing!r}\n{text}\n{output}" if missing else ""

        if not seconds:
            failure = attempt()
            assert not failure, failure
            return
        eventually(lambda: not attempt(), max(seconds, DEADLINE), f"{where}: {text}", every=1)

    def _start(self, text: str, url: str, where: str) -> None:
        if url in self._background:
            _stop(self._background.pop(url))
        log = self._home / f"background-{len(self._background)}-{where.rpartition(':')[2]}.log"
        with log.open("w") as file:
            server = subprocess.Popen(
                self._script(text), cwd=self._folder, env=self._environment(), stdout=file, stderr=file,
                text=True, start_new_session=True,
            )  # fmt: skip
        self._background[url] = server

        def ready() -> bool:
            assert server.poll() is None, f"{where}: it has ended\n{text}\n{log.read_text()}"
            return _answers(url)

        eventually(ready, DEADLINE, f"{where}: {url} answers")

    def _python(self) -> None:
        """Run the Python blocks as one program whose lines have the numbers that they have in the page."""
        lines: list[str] = []
        for block in self._page.blocks:
            if block.language == "python" and not block.title and block.mark != "not run":
                lines += [""] * (block.line - len(lines))
                lines += self._with_ports(block.text).splitlines()
        if not lines:
            return
        program = self._folder / self._page.name.replace("/", "_")
        program.write_text("\n".join(lines), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning:__main__", str(program)], cwd=self._folder,
            env={**self._environment(), "PYTHONPATH": "."}, capture_output=True, text=True, check=False,
            timeout=_COMMAND_SECONDS,
        )  # fmt: skip
        assert not done.returncode, done.stderr.replace(str(program), self._page.name)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _stop(server: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(20)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
        break


def _first_missing(expected: str, output: str) -> str:
    """Return the first line that the output lacks; empty when it has all of them in their order."""
    lines = iter(output.splitlines())
    for line in filter(None, map(str.strip, expected.splitlines())):
        pattern = re.compile(".*".join(map(re.escape, re.split(r"…|\.\.\.", line))))
        if not any(pattern.fullmatch(candidate.strip()) for candidate in lines):
            return line
    return ""


def _parse(language: str, text: str, path: Path) -> None:
    """Read a block that is neither a file nor a command.

    Raises:
        Exception: It is not what its language says.
    """
    if language == "toml":
        path.write_text(text, encoding="utf-8")
        if "target" in tomllib.loads(text):
            _, problems = targets.read(path)
            assert not problems, "; ".join(map(str, problems))
        else:
            config.load(path)
    elif language == "yaml":
        yaml.safe_load(text)
    elif language == "json":
        json.loads(text)
    elif language == "promql":
        for expression in filter(None, map(str.strip, text.split("\n\n"))):
            promql_parser.parse(re.sub(r"^#.*$", "", expression, flags=re.MULTILINE))
