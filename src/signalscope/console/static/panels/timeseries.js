/** Lines of values over time. */

import { fieldOf, latest, seriesColour } from "../fields.js";
import { format, round } from "../format.js";
import { colour, element, faded } from "../look.js";
import { chartStyle, clock, timeAxis } from "./time.js";

/** Give every series the same times, so that the series can be stacked. */
const aligned = (series) => {
  const times = [...new Set(series.flatMap((each) => each.points.map(([time]) => time)))].sort((a, b) => a - b);
  return series.map((each) => {
    const values = new Map(each.points);
    return { ...each, points: times.map((time) => [time, values.get(time) ?? null]) };
  });
};

/** The area between an upper and a lower series, with the gaps of both. */
const band = (upper, lower, hue, share) => {
  const below = new Map(lower.points), parts = [[]];
  for (const [time, value] of upper.points) {
    if (value !== null && (below.get(time) ?? null) !== null) parts.at(-1).push([time, value]);
    else if (parts.at(-1).length) parts.push([]);
  }
  const filled = parts.filter((part) => part.length);
  return {
    type: "custom", data: filled.map(([first]) => first), silent: true, clip: true, animation: false,
    renderItem: ({ dataIndex }, api) => ({ type: "polygon", style: { fill: faded(hue, share) }, shape: { points: [
      ...filled[dataIndex].map((point) => api.coord(point)), ...filled[dataIndex].toReversed().map(([time]) => api.coord([time, below.get(time)])),
    ] } }),
  };
};

/** The longest exemplar of each of 60 stretches of time: the most interesting measurements. */
const telling = (marks, { from, to }) => {
  const found = new Map(), stretch = ((to - from) * 1000) / 60;
  for (const mark of marks) {
    const at = Math.floor(mark.time / stretch);
    if (mark.value > (found.get(at)?.value ?? -Infinity)) found.set(at, mark);
  }
  return [...found.values()];
};

/** The ends of the axis and the distance between its lines: round numbers in the unit of the panel. */
const scale = (lines, { min, max, unit, custom }, stacked) => {
  const values = lines.filter((each) => each.type === "line").map((each) => each.data);
  const sums = new Map();
  for (const [time, value] of values.flat()) if (value !== null && Number.isFinite(value)) sums.set(time, stacked ? (sums.get(time) ?? 0) + value : Math.max(sums.get(time) ?? -Infinity, value));
  const all = values.flat().map(([, value]) => value).filter((value) => value !== null && Number.isFinite(value));
  const marks = lines.filter((each) => each.type === "scatter").flatMap((each) => each.data.map(({ value }) => value[1]));
  const highest = max ?? Math.max(...sums.values(), ...marks);
  const lowest = min ?? Math.min(...all, ...marks, ...(custom?.axisSoftMin === 0 ? [0] : []));
  if (!(highest > lowest)) return { low: Math.min(lowest, 0), high: Math.max(highest, 0) + (highest > 0 ? 0 : 1), step: undefined };
  const step = max !== undefined && min === 0 ? max / 4 : round(highest - lowest, unit);
  return { low: min ?? Math.floor(lowest / step) * step, high: max ?? Math.ceil((highest / step) * 1.000001 - 1e-6) * step, step };
};

const thresholdLines = (panel, style) => {
  const { thresholds, custom } = panel.fieldConfig.defaults;
  if (!["dashed", "line", "line+area", "dashed+area"].includes(custom?.thresholdsStyle?.mode)) return undefined;
  const lines = thresholds.steps.filter((step) => step.value !== null && step.value !== undefined);
  return { silent: true, symbol: "none", label: { show: false }, animation: false,
    data: lines.map((step) => ({ yAxis: step.value, lineStyle: { type: "dashed", width: 1.5, color: colour(step.color) } })), style };
};

/** The part of the chart that shows generated history. */
const generatedArea = ({ from, to, generated }, { soft }) => (generated > from ? { silent: true, animation: false,
  itemStyle: { color: faded(soft, 0.13) }, label: { show: true, position: "insideTopLeft", color: soft, fontSize: 10, formatter: "generated" },
  data: [[{ xAxis: from * 1000 }, { xAxis: Math.min(generated, to) * 1000 }]] } : undefined);

const tooltip = (panel, series, context, marks) => (found) => {
  const time = found[0]?.axisValue, { encodeHTML } = window.echarts.format;
  const rows = found.filter((each) => each.seriesType === "line" && each.value[1] !== null && !Number.isNaN(each.value[1]))
    .sort((a, b) => b.value[1] - a.value[1]).slice(0, 15)
    .map((each) => {
      const field = fieldOf(panel, each.seriesName);
      return `<div class="tip"><i style="background:${each.color}"></i>${encodeHTML(each.seriesName || "value")}<b>${encodeHTML(format(each.value[1], field.unit, field.decimals))}</b></div>`;
    });
  const near = marks.filter((each) => Math.abs(each.time - time) < context.interval * 1500).slice(0, 3).map((each) =>
    `<div class="tip"><i class="mark"></i>trace ${encodeHTML(each.trace.slice(0, 12))}…<b>${encodeHTML(format(each.value, panel.fieldConfig.defaults.unit))}</b></div>`);
  return `<time>${clock(time, time, time + 3_600_000)}</time>${rows.join("")}${near.join("")}`;
};

const legend = (panel, series, hidden, redraw) => {
  if (panel.options?.legend?.showLegend === false) return null;
  return element("div", { class: "legend" }, ...series.map((each) => element("button", {
    type: "button", "aria-pressed": String(!hidden.has(each.name)), title: `Show or hide ${each.name}`,
    onclick: (event) => { event.stopPropagation(); hidden.has(each.name) ? hidden.delete(each.name) : hidden.add(each.name); redraw(); },
  }, element("i", { style: { background: seriesColour(fieldOf(panel, each.name), each.name) } }), each.name)));
};

/** If a legend does not fit into its two lines, say how many entries are not shown; a click shows all or fewer. */
const fold = (node, body, redraw) => {
  if (!node) return;
  const isWhole = body.dataset.legend === "whole", entries = [...node.children];
  node.classList.toggle("whole", isWhole);
  if (!isWhole && node.scrollHeight <= node.clientHeight + 1) return;
  const more = element("button", { type: "button", class: "rest", onclick: (event) => {
    event.stopPropagation();
    body.dataset.legend = isWhole ? "" : "whole";
    redraw();
  } }, "fewer");
  node.append(more);
  for (let shown = entries.length - 1; !isWhole && shown > 0 && node.scrollHeight > node.clientHeight + 1; shown -= 1) {
    entries[shown].remove();
    more.textContent = `+${entries.length - shown} more`;
  }
};

export const draw = (body, panel, found, context) => {
  let series = found.filter((each) => latest(each) !== null);
  if (!series.length) return false;
  const defaults = panel.fieldConfig.defaults, style = chartStyle(), hidden = context.hidden;
  const stacked = defaults.custom?.stacking?.mode === "normal";
  if (stacked) series = aligned(series);
  const marks = telling(context.marks ?? [], context);
  const holder = element("div", { class: "chart" });
  const redraw = () => draw(body, panel, found, context), names = legend(panel, series, hidden, redraw);
  body.replaceChildren(holder, ...[names].filter(Boolean));
  fold(names, body, redraw);
  const visible = series.filter((each) => !hidden.has(each.name));
  const lines = visible.map((each, index) => {
    const field = fieldOf(panel, each.name), hue = seriesColour(field, each.name), custom = field.custom;
    const alone = each.points.filter(([, value]) => value !== null).length === 1;
    return {
      type: "line", name: each.name, data: each.points, symbol: "circle", symbolSize: alone ? 5 : 0, showSymbol: alone,
      color: hue, animation: false, connectNulls: false, stack: stacked ? "all" : undefined, z: 3,
      lineStyle: { width: custom.lineWidth ?? 1, type: custom.lineStyle?.dash ?? "solid" },
      areaStyle: custom.fillOpacity && !custom.fillBelowTo ? { opacity: custom.fillOpacity / 100 } : undefined,
      emphasis: { disabled: true }, markLine: index === 0 ? thresholdLines(panel, style) : undefined,
      markArea: index === 0 ? generatedArea(context, style) : undefined,
    };
  });
  for (const upper of visible) {
    const field = fieldOf(panel, upper.name), lower = visible.find((each) => each.name === field.custom.fillBelowTo);
    if (lower) lines.push(band(upper, lower, seriesColour(field, upper.name), (field.custom.fillOpacity ?? 15) / 100));
  }
  if (marks.length) lines.push({
    type: "scatter", name: "traces", symbol: "diamond", symbolSize: 7, z: 4, animation: false, clip: true,
    itemStyle: { color: "transparent", borderColor: colour("semi-dark-green"), borderWidth: 1.3 },
    data: marks.map((each) => ({ value: [each.time, each.value], trace: each.trace })),
  });
  const { low, high, step } = scale(lines, defaults, stacked);
  const chart = context.chartOf(holder);
  chart.setOption({
    grid: { left: 8, right: 12, top: 10, bottom: 4, containLabel: true, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: timeAxis(context, style),
    yAxis: { type: "value", min: low, max: high, interval: step,
      axisLabel: { color: style.soft, fontSize: 11, formatter: (value) => format(value, defaults.unit) },
      splitLine: { lineStyle: { color: style.line } } },
    tooltip: { trigger: "axis", confine: true, transitionDuration: 0, backgroundColor: style.card, borderColor: style.line,
      textStyle: { color: style.text, fontSize: 12 }, axisPointer: { type: "line", lineStyle: { color: style.soft } },
      formatter: tooltip(panel, series, context, marks) },
    series: lines,
  }, true);
  chart.off("click");
  chart.on("click", { seriesType: "scatter" }, ({ data }) => context.openTrace(data.trace));
  return true;
};
