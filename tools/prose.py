"""Check docstrings, comments, messages and pages for plain English (`make prose`).

- `python tools/prose.py`: every finding with file and line; exit status 1 if there is one
- `python tools/prose.py --summary`: counts by rule and by folder
- `python tools/prose.py src/signalscope/health docs/demo.md`: only these paths

tools/prose.toml has the exceptions with their reasons. An exception that excuses nothing is an error.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
EXCEPTIONS = ROOT / "tools" / "prose.toml"
FOLDERS = ("src", "tests", "tools", "benchmarks", "docs", "README.md", "CONTRIBUTING.md")
MOST_WORDS = 25
#: Shorter strings are names, keys and fragments of PromQL.
FEWEST_WORDS_OF_A_MESSAGE = 4
PLACEHOLDERS = frozenset({"each", "found", "of", "its"})

#: What is looked for in every text: the rule's name and a pattern.
PATTERNS = {
    "is-no": re.compile(r"\b(is|are|was|were|be) no (?!longer\b|more\b|later\b)", re.IGNORECASE),
    "pronoun": re.compile(
        r"\b(ours|theirs|nobody|somebody|anybody|everybody|whoever|whatever|the one that|the ones that)\b",
        re.IGNORECASE,
    ),
    "let-be": re.compile(r"\b(let|lets|letting)\b(?! us\b)", re.IGNORECASE),
    "person": re.compile(r"\b(born|told|asked|awake|wants|knows)\b", re.IGNORECASE),
    "dangling-of": re.compile(r"\bof (it|them|all)(?=[.,;:)\]]|\s*$)", re.IGNORECASE),
}
OPENINGS = re.compile(r"(Whether|What|How|Who|That|Whose)\b")
EXPLANATIONS = {
    "is-no": "negate the verb",
    "pronoun": "name the actor or the thing",
    "let-be": "use set, start, return or skip",
    "person": "a thing is not a person",
    "dangling-of": "say what it belongs to",
    "opening": "begin with an imperative or a noun phrase",
    "long-sentence": f"at most {MOST_WORDS} words",
    "repeats-name": "say more than the name, or drop the docstring",
    "placeholder-name": "name what the value is",
}

_SECTION = re.compile(r"\s*(Args|Attributes|Returns|Raises|Yields|Example|Examples|Note|Warning|Usage):\s*$")
_ENTRY = re.compile(r"\s*(?:[-*+] |\d+[.] |\*{0,2}[\w.`,/ ()]{1,60}: )")
_LITERAL = re.compile(r"``[^`]*``|`[^`]*`")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z`\"'(\[])")
_WORD = re.compile(r"[A-Za-z][\w'-]*")
_PRAGMA = re.compile(r"#\s*(noqa|type:|fmt:|pragma|!)")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an the of for to in on with by from and or is are be as at it its this that one all each every here own "
        "module class function package file test value return get make give build compute read write true false",
    )
)


@dataclass(frozen=True)
class Text:
    """A piece of prose: where it begins, what it is, and its words."""

    line: int
    kind: str
    words: str
    name: str = ""


@dataclass(frozen=True, order=True)
class Finding:
    """A place that breaks a rule."""

    path: str
    line: int
    rule: str
    quote: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.quote} ({EXPLANATIONS[self.rule]})"


def findings(paths: Iterable[Path]) -> Iterator[Finding]:
    """Check files; a folder stands for the files below it."""
    for path in _files(paths):
        place = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            tree = ast.parse(source)
            texts = [*_docstrings(tree, is_private="/_" in place), *_comments(source)]
            if place.startswith(("src/", "tools/")):
                texts += _messages(tree)
            for line, name in _placeholders(tree):
                yield Finding(place, line, "placeholder-name", name)
        else:
            texts = list(_paragraphs(source))
        for text in texts:
            for line, rule, quote in _broken(text):
                yield Finding(place, line, rule, quote)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        else:
            yield from sorted(file for suffix in ("py", "md") for file in path.rglob(f"*.{suffix}"))


def _broken(text: Text) -> Iterator[tuple[int, str, str]]:
    """Find the rules that a text breaks: line, rule, quote."""
    prose = _LITERAL.sub(lambda match: "x" + "\n" * match.group().count("\n"), text.words)
    for rule, pattern in PATTERNS.items():
        for match in pattern.finditer(prose):
            yield text.line + prose.count("\n", 0, match.start()), rule, _around(prose, match)
    for line, sentence in _sentences(prose):
        if len(_WORD.findall(sentence)) > MOST_WORDS:
            yield text.line + line, "long-sentence", f"{len(_WORD.findall(sentence))} words: {sentence[:60]}…"
    if text.kind == "docstring":
        first = prose.strip().splitlines()[0] if prose.strip() else ""
        if OPENINGS.match(first):
            yield text.line, "opening", first[:60]
        if text.name and _repeats(first, text.name) and len(prose.strip().splitlines()) == 1:
            yield text.line, "repeats-name", f"{text.name}: {first[:60]}"


def _around(prose: str, match: re.Match[str]) -> str:
    return " ".join(prose[max(0, match.start() - 25) : match.end() + 15].split())


def _sentences(prose: str) -> Iterator[tuple[int, str]]:
    """Split prose into sentences with the line of each; a list item or an entry of a section is a separate text."""
    block: list[str] = []
    start = 0
    for number, line in enumerate([*prose.splitlines(), ""]):
        is_code = line.startswith(("    ", ">>>", "|")) and not block
        ends = not line.strip() or _SECTION.match(line) or _ENTRY.match(line) or is_code
        if ends and block:
            yield from (
                (start, sentence) for sentence in _SENTENCE_END.split(" ".join(" ".join(block).split()))
            )
            block = []
        if (
            line.strip()
            and not _SECTION.match(line)
            and not line.lstrip().startswith((">>>", "...", "|", "#"))
        ):
            if not block:
                start = number
            block.append(line)


def _repeats(first: str, name: str) -> bool:
    """Return True if every word of a private docstring stands in the name already."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_").split("_")
    stems = {_stem(word) for word in _WORD.findall(first.lower())} - _STOP_WORDS
    return bool(stems) and stems <= {_stem(word) for word in words}


def _stem(word: str) -> str:
    return re.sub(r"(ing|ed|es|s)$", "", word)


def _docstrings(tree: ast.Module, *, is_private: bool) -> Iterator[Text]:
    """Collect docstrings; those of private functions and classes with their names."""
    for node in ast.walk(tree):
        if (
            not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            or not node.body
        ):
            continue
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=str(words))) as statement:
                name = getattr(node, "name", "")  # a module has none
                yield Text(
                    statement.lineno, "docstring", words, name if is_private or name.startswith("_") else ""
                )


def _comments(source: str) -> Iterator[Text]:
    """Join the comment lines that follow one another."""
    block: list[str] = []
    start = previous = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        words = token.string.split("  # ")[-1] if _PRAGMA.match(token.string) else token.string
        if _PRAGMA.match(words):
            continue
        line = token.start[0]
        is_own_line = not token.line[: token.start[1]].strip()
        if not (block and line == previous + 1 and is_own_line):
            if block:
                yield Text(start, "comment", "\n".join(block))
            block, start = [], line
        block.append(words.lstrip("#: "))
        previous = line
    if block:
        yield Text(start, "comment", "\n".join(block))


def _messages(tree: ast.Module) -> Iterator[Text]:
    """Collect string literals that are sentences: errors, log lines, help, titles, meanings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                words = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in values)
            case ast.Constant(value=str(words)) if id(node) not in docstrings | inside:
                pass
            case _:
                continue
        if len(_WORD.findall(words)) >= FEWEST_WORDS_OF_A_MESSAGE and re.search(r"[a-z] [a-z]", words):
            yield Text(node.lineno, "message", words)


def _placeholders(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in PLACEHOLDERS:
            yield node.lineno, node.id
        elif isinstance(node, ast.arg) and node.arg in PLACEHOLDERS:
            yield node.lineno, node.arg


def _paragraphs(source: str) -> Iterator[Text]:
    """Collect the prose of a page: paragraphs, items, cells and headings, without code."""
    for token in MarkdownIt("commonmark").enable("table").parse(source):
        if token.type == "inline" and token.map:
            # a link's address is not prose
            yield Text(token.map[0] + 1, "page", re.sub(r"\]\([^)]*\)", "]", token.content))


def _excused(path: Path = EXCEPTIONS) -> list[dict[str, str]]:
    """Read the exceptions.

    Raises:
        SystemExit: An entry lacks a key.
    """
    entries: list[dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8")).get("exception", [])
    for number, entry in enumerate(entries, 1):
        if lacking := {"path", "rule", "quote", "reason"} - {key for key, value in entry.items() if value}:
            sys.exit(f"{path}: exception {number} has no {', '.join(sorted(lacking))}")
    return entries


def _covers(entry: dict[str, str], finding: Finding) -> bool:
    return (
        Path(finding.path).match(entry["path"])
        and entry["rule"] == finding.rule
        and entry["quote"] in finding.quote
    )


def main() -> int:
    """Print what breaks a rule without an exception."""
    parser = argparse.ArgumentParser(prog="prose", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / name for name in FOLDERS])
    parser.add_argument("--summary", action="store_true", help="counts by rule and folder instead of places")
    options = parser.parse_args()
    everything = sorted(set(findings(path.resolve() for path in options.paths)))
    exceptions = _excused()
    left = [finding for finding in everything if not any(_covers(entry, finding) for entry in exceptions)]
    if options.summary:
        _print_summary(left)
    else:
        for finding in left:
            print(finding)
    unused = [entry for entry in exceptions if not any(_covers(entry, finding) for finding in everything)]
    if options.paths == parser.get_default("paths"):
        for entry in unused:
            print(
                f"{EXCEPTIONS.name}: nothing breaks {entry['rule']} with {entry['quote']!r} in {entry['path']}"
            )
    else:
        unused = []
    print(f"{len(left)} findings, {len(everything) - len(left)} excused", file=sys.stderr)
    return 1 if left or unused else 0


def _print_summary(left: list[Finding]) -> None:
    folders = Counter((finding.rule, "/".join(finding.path.split("/")[:3])) for finding in left)
    for rule in EXPLANATIONS:
        print(f"{rule:18}{sum(count for (name, _), count in folders.items() if name == rule):6}")
        for (name, folder), count in sorted(folders.items()):
            if name == rule:
                print(f"    {folder:40}{count:6}")


if __name__ == "__main__":
    sys.exit(main())
