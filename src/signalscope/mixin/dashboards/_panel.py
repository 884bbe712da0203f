"""Conversion of panels to Grafana's panels with grafana-foundation-sdk."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)  # fmt: skip
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models

from signalscope.mixin.dashboards._model import Kind, Panel, Query
from signalscope.mixin.dashboards._style import BAND, FORECAST, NAMES, NEUTRAL, PALETTE, Limits

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_Property = models.DynamicConfigValue
_LATEST = common.ReduceDataOptions().calcs(["lastNotNull"])
_BY_THRESHOLD = dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)
#: The same name has the same colour on every dashboard.
_BY_NAME = dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
_COLOURED_TEXT = _Property("custom.cellOptions", {"type": "color-text"})


def build(panel: Panel, number: int, position: models.GridPos, links: list[dashboard.DashboardLink]) -> Any:
    """Return the builder of a Grafana panel.

    Args:
        panel: The panel.
        number: The id of the panel in the dashboard.
        position: The position and size on the grid.
        links: The links of the panel.
    """
    builder = (
        _BUILDERS[panel.kind](panel)
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .datasource(DATASOURCE)
        .grid_pos(position)
        .links(links)
        .unit(panel.unit)
        .no_value(panel.empty)
        .thresholds(_thresholds(panel.limits))
    )
    for index, query in enumerate(panel.queries):
        builder = builder.with_target(_target(panel, query, chr(ord("A") + index)))
    for setting, value in (("decimals", panel.decimals), ("min", panel.low), ("max", panel.high)):
        if value is not None:
            builder = getattr(builder, setting)(value)
    if panel.states:
        mappings = {
            f"{value:g}": models.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(panel.states.items())
        }
        builder = builder.mappings([models.ValueMap(options=mappings)])
    return builder


def _target(panel: Panel, query: Query, letter: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(letter).datasource(DATASOURCE)
    target = target.editor_mode(prometheus_models.QueryEditorMode.CODE)
    if query.legend and panel.kind != "table":
        target = target.legend_format(query.legend)
    target = target.instant() if panel.kind in {"table", "bars"} or panel.named else target.range()
    if panel.kind == "table":
        target = target.format(prometheus_models.PromQueryFormat.TABLE)
    elif panel.kind == "heat":
        target = target.format(prometheus_models.PromQueryFormat.HEATMAP)
    return target.exemplar(True) if panel.exemplars else target


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(None, limits.base)]
    steps += [models.Threshold(value, colour) for value, colour in limits.steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _stat(panel: Panel) -> stat.Panel:
    coloured = bool(panel.states or (panel.limits.steps and panel.limits.base != NEUTRAL))
    builder = (
        stat.Panel()
        .reduce_options(_LATEST)
        .color_scheme(_BY_THRESHOLD)
        .color_mode(options.BigValueColorMode.BACKGROUND if coloured else options.BigValueColorMode.VALUE)
        .graph_mode(
            options.BigValueGraphMode.NONE if panel.states or panel.named else options.BigValueGraphMode.AREA
        )
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME if panel.named else options.BigValueTextMode.VALUE)
    )
    for query in panel.queries:
        if query.unit is not None:
            builder = builder.override_by_name(query.legend, [_Property("unit", query.unit), _fixed(NEUTRAL)])
    return builder


def _bars(panel: Panel) -> Any:
    return _with_names(
        bargauge.Panel()
        .color_scheme(_BY_THRESHOLD if panel.limits.steps else _BY_NAME)
        .reduce_options(_LATEST)
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .value_mode(options.BarGaugeValueMode.TEXT),
        panel,
    )


def _series(panel: Panel) -> Any:
    several = len(panel.queries) > 1 or "{{" in panel.queries[0].legend
    builder = (
        timeseries.Panel()
        .color_scheme(_BY_NAME)
        .line_width(1 if panel.stacked else 2)
        .fill_opacity(55 if panel.stacked else 0 if several else 12)
        .show_points(options.VisibilityMode.AUTO)
        .span_nulls(False)
        .legend(common.VizLegendOptions().show_legend(several))
        .tooltip(
            common.VizTooltipOptions()
            .mode(options.TooltipDisplayMode.MULTI)
            .sort(options.SortOrder.DESCENDING)
        )
    )
    if panel.low is None:
        builder = builder.axis_soft_min(0)
    if panel.stacked:
        builder = builder.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    if panel.limits.steps and panel.limits.lines:
        builder = builder.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
        )
    builder = _with_names(builder, panel)
    lower = next((query.legend for query in panel.queries if query.shape == "lower"), "")
    for query in panel.queries:
        if query.shape != "line":
            builder = builder.override_by_name(query.legend, _shaped(query, lower))
    return builder


def _shaped(query: Query, lower: str) -> list[models.DynamicConfigValue]:
    if query.shape == "forecast":
        return [_fixed(FORECAST), _Property("custom.lineStyle", {"fill": "dash", "dash": [8, 6]})]
    band = [_fixed(BAND), _Property("custom.lineWidth", 1)]
    if query.shape == "upper":
        band += [_Property("custom.fillBelowTo", lower), _Property("custom.fillOpacity", 15)]
    return band


def _fixed(colour: str) -> models.DynamicConfigValue:
    return _Property("color", {"mode": "fixed", "fixedColor": colour})


def _with_names(builder: Any, panel: Panel) -> Any:
    """Set the colours of series that are named after a label value with a fixed colour."""
    labels = {match for query in panel.queries for match in re.findall(r"^{{(\w+)}}", query.legend)}
    plain = {query.legend for query in panel.queries if "{{" not in query.legend}
    colours: dict[str, str] = {}
    for label in sorted(labels):
        colours |= PALETTE.get(label, {}) | NAMES.get(label, {})
    for palette in PALETTE.values():
        colours |= {name: colour for name, colour in palette.items() if name in plain}
    for name, colour in colours.items():
        builder = builder.override_by_name(name, [_fixed(colour)])
    return builder


def _heat(panel: Panel) -> heatmap.Panel:
    colours = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .fill("dark-blue")
        .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
    )
    return (
        heatmap.Panel()
        .color(colours)
        .y_axis(heatmap.YAxisConfig().unit(panel.unit).axis_placement(options.AxisPlacement.LEFT))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(options.HeatmapCellLayout.AUTO))
        .cell_values(heatmap.CellValues().unit("short"))
        .show_value(options.VisibilityMode.NEVER)
        .show_color_scale(False)
    )


def _states(_: Panel) -> statetimeline.Panel:
    return statetimeline.Panel().color_scheme(_BY_THRESHOLD).row_height(0.8).fill_opacity(80)


def _table(panel: Panel) -> table.Panel:
    one = len(panel.queries) == 1
    names = {
        ("Value" if one else f"Value #{chr(ord('A') + index)}"): query.legend
        for index, query in enumerate(panel.queries)
    }
    shown = [*panel.columns, *names]
    organize = {
        "excludeByName": dict.fromkeys(("Time", "__name__", "job", "alertstate"), True),
        "indexByName": {name: index for index, name in enumerate(shown)},
        "renameByName": {**panel.columns, **names},
    }
    sort = common.TableSortByFieldState().display_name(panel.queries[0].legend).desc(not panel.ascending)
    builder = (
        table.Panel()
        .color_scheme(_BY_THRESHOLD)
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
        .sort_by([sort])
    )
    for query in panel.queries:
        builder = builder.override_by_name(query.legend, _column(query, panel))
    for label, heading in panel.columns.items():
        properties = []
        if heading in panel.links:
            properties.append(_Property("links", [{"title": "Open", "url": panel.links[heading]}]))
        if label in PALETTE:
            known = {name: {"text": name, "color": colour} for name, colour in PALETTE[label].items()}
            properties += [_Property("mappings", [{"type": "value", "options": known}]), _COLOURED_TEXT]
        if properties:
            builder = builder.override_by_name(heading, properties)
    return builder


def _column(query: Query, panel: Panel) -> list[models.DynamicConfigValue]:
    properties = [_Property("unit", query.unit or panel.unit)]
    if query.decimals is not None:
        properties.append(_Property("decimals", query.decimals))
    if query.limits is not None:
        colours = [(None, query.limits.base), *query.limits.steps]
        steps = [{"value": value, "color": colour} for value, colour in colours]
        properties += [_Property("thresholds", {"mode": "absolute", "steps": steps}), _COLOURED_TEXT]
    if query.states:
        known = {
            f"{value:g}": {"text": text, "color": colour} for value, (text, colour) in query.states.items()
        }
        properties += [_Property("mappings", [{"type": "value", "options": known}]), _COLOURED_TEXT]
    return properties


_BUILDERS: dict[Kind, Callable[[Panel], Any]] = {
    "stat": _stat,
    "bars": _bars,
    "table": _table,
    "series": _series,
    "heat": _heat,
    "states": _states,
}
