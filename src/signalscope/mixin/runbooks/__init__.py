"""Runbooks: a page for each alert, rendered from a Markdown template with named placeholders.

The template of an alert is ``<Alert>.md`` in this folder. It has the sections `Meaning`, `When it fires`,
`Diagnosis` and `Mitigation`. Sections `Impact` and `First response` are optional: they replace the alert's
annotations. In `Diagnosis`, ``* Title: `query` `` becomes a title and a block of PromQL.

Placeholders:

* ``${job}``, ``${for}``, ``${keep_firing_for}``, the labels that the alert adds, and its values (`Alert.values`);
* ``${series.API_P95}``: the name of a recorded series, by its key;
* ``${metric.signal_service.api.requests}``: the name of an instrument in Prometheus, without its suffix;
* ``${rate.signal_service.greeks.calculation|count by outcome|vectorized="true"}``: the rate of a part of a histogram
  (``count``, ``sum``), by labels; ``${quantile.signal_service.api.request.duration|0.95 by endpoint}``: a quantile;
* ``${thresholds.cpu_percent}``: a value of the configuration; ``|duration``, ``|percent`` and ``|gib`` format
  seconds, a ratio and bytes;
* ``${include.dependency_queries}``: the text of ``shared/dependency_queries.md``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from signalscope import contract, derived
from signalscope.config import Config
from signalscope.contract import ContractError
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts import Alert

__all__ = ["TEMPLATES", "RunbookError", "index", "runbook"]

#: The folder of the templates.
TEMPLATES: Traversable = files("signalscope.mixin.runbooks")
_SECTIONS = ("Meaning", "Impact", "First response", "When it fires", "Diagnosis", "Mitigation")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_QUERY = re.compile(r"\* (?P<title>[^`]+): `(?P<query>.+)`")
_FILTERS: dict[str, Callable[[Any], str]] = {
    "": lambda value: f"{value:g}" if isinstance(value, float) else str(value),
    "duration": duration,
    "percent": lambda ratio: f"{100 * ratio:g}",
    "gib": lambda size: f"{size / 1024**3:g}",
}


class RunbookError(ValueError):
    """A template cannot be rendered; the message names the file, and the line or the placeholder."""


def runbook(alert: Alert, config: Config, header: str, templates: Traversable = TEMPLATES) -> str:
    """Return the runbook of an alert, as Markdown.

    Args:
        alert: The alert.
        config: The configuration; placeholders show its values.
        header: The text of the comment in the first line.
        templates: The folder with the templates.

    Raises:
        RunbookError: The template is missing or cannot be rendered.

    Example:
        >>> from signalscope.mixin.alerts import alerts
        >>> runbook(alerts(Config())[0], Config(), "generated").splitlines()[1]
        '# SignalServiceDown'
    """
    page = _Page(alert, config, templates)
    sections = {"Impact": alert.impact, "First response": alert.response} | page.sections()
    if missing := [name for name in _SECTIONS if not sections.get(name)]:
        raise RunbookError(f"{alert.name}.md: section `## {missing[0]}` is missing or empty [SS611]")
    when = (
        f"It must be true for {duration(alert.for_)}."
        if alert.for_
        else "One evaluation that is true is enough."
    )
    if alert.keep_firing_for:
        when += f" The alert ends {duration(alert.keep_firing_for)} after it was last true."
    sections["When it fires"] = f"```promql\n{alert.expr}\n```\n\n{when}\n\n{sections['When it fires']}"
    labels = alert.all_labels(config)
    return "\n\n".join([
        f"<!-- {header} -->\n# {alert.name}",
        f"Severity: **{alert.severity}** · team: {labels['team']} · route: {labels['route']} ·\n"
        f"[dashboard]({alert.annotations(config)['dashboard_url']})",
        *(f"## {name}\n\n{sections[name]}" for name in _SECTIONS),
    ]) + "\n"  # fmt: skip


def index(alerts: list[Alert], header: str) -> str:
    """Return the table of all runbooks, as Markdown.

    Example:
        >>> from signalscope.mixin.alerts import alerts
        >>> index(alerts(Config()), "generated").splitlines()[1]
        '# Runbooks'
    """
    rows = "\n".join(f"| [{a.name}]({a.name}.md) | {a.severity} | {a.domain} | {a.impact} |" for a in alerts)
    head = "| alert | severity | about | impact |\n| --- | --- | --- | --- |"
    return f"<!-- {header} -->\n# Runbooks\n\n{head}\n{rows}\n"


class _Page:
    """The template of one alert and the values of its placeholders."""

    def __init__(self, alert: Alert, config: Config, templates: Traversable) -> None:
        self._name = f"{alert.name}.md"
        self._config = config
        self._templates = templates
        self._values = {
            "job": config.selectors.job,
            "for": duration(alert.for_),
            "keep_firing_for": duration(alert.keep_firing_for),
            **alert.labels,
            **alert.values,
        }

    def sections(self) -> dict[str, str]:
        """Return the rendered sections by heading."""
        sections: dict[str, str] = {}
        for part in f"\n{self._rendered(self._name)}".split("\n## ")[1:]:
            heading, _, text = part.partition("\n")
            if heading not in _SECTIONS:
                known = ", ".join(_SECTIONS)
                raise RunbookError(f"{self._name}: section {heading!r} is not one of: {known} [SS611]")
            sections[heading] = text.strip()
        if "Diagnosis" in sections:
            sections["Diagnosis"] = "\n\n".join(map(self._query, sections["Diagnosis"].splitlines()))
        return sections

    def _query(self, line: str) -> str:
        match = _QUERY.fullmatch(line)
        if match is None:
            raise RunbookError(f"{self._name}: {line!r} in Diagnosis is not ``* Title: `query` `` [SS612]")
        return f"{match['title']}:\n\n```promql\n{match['query']}\n```"

    def _rendered(self, name: str) -> str:
        """Return the text of a template with all placeholders replaced."""
        try:
            text = self._templates.joinpath(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RunbookError(f"template {self._templates.joinpath(name)} does not exist [SS610]") from None
        lines = []
        for number, line in enumerate(text.strip().splitlines(), 1):
            try:
                lines.append(_PLACEHOLDER.sub(lambda match: self._value(match[1]), line))
            except KeyError as error:
                raise RunbookError(": ".join((f"{name}:{number}", error.args[0]))) from None
        return "\n".join(lines)

    def _value(self, placeholder: str) -> str:
        """Return the value of a placeholder.

        Raises:
            KeyError: The name is unknown; the message suggests the nearest one.
        """
        name, _, chosen = placeholder.partition("|")
        kind, _, rest = name.partition(".")
        if name in self._values:
            return self._values[name]
        if kind == "include":
            return self._rendered(f"shared/{rest}.md")
        try:
            if kind == "series":
                return derived.get(rest).name
            if kind == "metric":
                return contract.get(rest).prometheus_name
            if kind in ("rate", "quantile"):
                return self._of_histogram(kind, rest, *chosen.split("|"))
        except ContractError as error:
            raise KeyError(": ".join((f"${{{placeholder}}}", str(error)))) from None
        known = dict(_leaves(self._config.model_dump()))
        if name not in known or chosen not in _FILTERS:
            near = difflib.get_close_matches(name, [*self._values, *known], 1)
            hint = f"; did you mean ${{{near[0]}}}?" if near and near[0] != name else ""
            raise KeyError(f"unknown placeholder ${{{placeholder}}}{hint} [SS613]")
        return _FILTERS[chosen](known[name])

    def _of_histogram(self, kind: str, name: str, grouped: str, *matchers: str) -> str:
        what, _, labels = grouped.partition(" by ")
        ask, is_rate = Promql(self._config), kind == "rate"
        kept = labels if is_rate or ask.native else f"{labels}, le"
        series = ask.raw(
            name,
            *matchers,
            suffix=f"_{what}" if is_rate else "_bucket",
            around=lambda series: f"sum by ({kept}) (rate({series}[5m]))",
        )
        return series if is_rate else f"histogram_quantile({what}, {series})"


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of the configuration with its dotted key."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
