"""Conversion of a dashboard to Grafana's JSON: layout, variables, links."""

from __future__ import annotations

import json
from dataclasses import replace

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from signalscope.config import Config
from signalscope.derived._promql import duration, metric
from signalscope.mixin.dashboards._expr import SHORT_INSTANCE
from signalscope.mixin.dashboards._model import Board, Line, Panel
from signalscope.mixin.dashboards._panel import DATASOURCE, build

#: The tag of all generated dashboards; links between dashboards select by it.
TAG = "signalscope"
#: The number of columns of Grafana's grid.
WIDTH = 24
_KEPT = "&".join(f"${{{name}:queryparam}}" for name in ("datasource", "job", "instance", "tier"))


def rendered(board: Board, config: Config, header: str, titles: dict[str, str]) -> str:
    """Return a dashboard as JSON; its first line says that it is generated.

    Args:
        board: The dashboard.
        config: The configuration: address of the runbooks, scrape interval, currency.
        header: The text of the first line.
        titles: The titles of all dashboards by key, for links.

    Raises:
        KeyError: A panel links to an unknown dashboard.
    """
    builder = (
        dashboard.Dashboard(f"signalscope / {board.title}")
        .uid(board.uid)
        .description(f"{header} {board.description}")
        .tags([TAG])
        .readonly()
        .time(board.since, "now")
        .refresh(duration(2 * config.pipeline.scrape))
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
            .as_dropdown(True).include_vars(True).keep_time(True)
        )
    )  # fmt: skip
    for variable in _variables(config):
        builder = builder.with_variable(variable)
    number, top = 1, 0
    for line in board.lines:
        if line.heading:
            position = models.GridPos(h=1, w=WIDTH, x=0, y=top)
            heading = dashboard.Row(line.heading).id(number).collapsed(False).grid_pos(position)
            builder = builder.with_row(heading)
            number, top = number + 1, top + 1
        left = 0
        for panel, width in zip(line.panels, _widths(line), strict=True):
            position = models.GridPos(h=line.height, w=width, x=left, y=top)
            links = _links(panel, config, titles)
            priced = _in_currency(panel, config.dashboards.currency)
            builder = builder.with_panel(build(priced, number, position, links))
            number, left = number + 1, left + width
        top += line.height
    content = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    first = {"description": content.pop("description")}
    text = json.dumps({**first, **content}, indent=1, ensure_ascii=False)
    return "{" + text[1:].lstrip() + "\n"


def _in_currency(panel: Panel, currency: str) -> Panel:
    """Return the panel with the unit `currency` replaced by the configured currency."""
    units = {"currency": f"currency{currency}"}
    queries = tuple(replace(query, unit=units.get(query.unit or "", query.unit)) for query in panel.queries)
    return replace(panel, unit=units.get(panel.unit, panel.unit), queries=queries)


def _widths(line: Line) -> list[int]:
    """Return the width of each panel in whole columns, in proportion to its weight; the sum is `WIDTH`."""
    total, done, widths = sum(panel.weight for panel in line.panels), 0, []
    for panel in line.panels:
        before = WIDTH * done // total
        done += panel.weight
        widths.append(WIDTH * done // total - before)
    return widths


def _links(panel: Panel, config: Config, titles: dict[str, str]) -> list[dashboard.DashboardLink]:
    links = [
        dashboard.DashboardLink(f"Runbook: {name}")
        .url(f"{config.runbooks.rstrip('/')}/{name}.md")
        .target_blank(True)
        for name in panel.alerts
    ]
    if panel.leads_to:
        links.append(
            dashboard.DashboardLink(f"More: {titles[panel.leads_to]}").url(
                f"/d/signalscope-{panel.leads_to}?${{__url_time_range}}&{_KEPT}"
            )
        )
    return links


def _variables(config: Config) -> list[dashboard.DatasourceVariable | dashboard.QueryVariable]:
    cpu, requests = metric("process.cpu"), metric("signal_service.api.requests", "user_tier")
    job = config.selectors.job
    chosen = models.VariableOption(selected=True, text=[job], value=[job])
    return [
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _query("job", "Job", f"label_values({cpu}, job)").current(chosen),
        _query("instance", "Instance", f'label_values({cpu}{{job=~"$job"}}, instance)').regex(SHORT_INSTANCE),
        _query("tier", "Tier", f'label_values({requests}{{job=~"$job"}}, user_tier)'),
    ]


def _query(name: str, label: str, query: str) -> dashboard.QueryVariable:
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(DATASOURCE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(everything)
    )
