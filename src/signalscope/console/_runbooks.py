"""The runbooks that the console shows, as HTML."""

from __future__ import annotations

from markdown_it import MarkdownIt

from signalscope.config import Config
from signalscope.mixin.alerts import alerts
from signalscope.mixin.generate import HEADER
from signalscope.mixin.runbooks import index, runbook

#: The name of the page with the list of all runbooks, as in docs/runbooks/.
INDEX = "README"
#: HTML in a runbook stays text.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def from_config(config: Config) -> dict[str, str]:
    """Return the HTML of the runbook of each alert by its name, and of the list of all runbooks.

    Example:
        >>> from_config(Config())["SignalServiceDown"].splitlines()[0]
        '<h1>SignalServiceDown</h1>'
    """
    every = alerts(config)
    pages = {alert.name: runbook(alert, config, HEADER) for alert in every} | {INDEX: index(every, HEADER)}
    return {name: as_html(text.partition("\n")[2]) for name, text in pages.items()}


def as_html(markdown: str) -> str:
    """Return Markdown as HTML; HTML in it is shown as text."""
    return str(_MARKDOWN.render(markdown))
