/** Expressions with variables, and Prometheus' answers to them. */

const ROUND = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** `now-1h`, `now`, milliseconds or an ISO date, as seconds since 1970. */
export const moment = (text, now = Date.now() / 1000) => {
  const relative = /^now(?:([+-])(\d+)([smhdw]))?$/.exec(text);
  if (relative) {
    const size = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 }[relative[3]] ?? 0;
    return now + (relative[1] === "+" ? 1 : -1) * Number(relative[2] ?? 0) * size;
  }
  const absolute = /^\d+$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isFinite(absolute)) throw new Error(`${text} is no time; write for example now-1h`);
  return absolute / 1000;
};

/** Steps of a range query: as many as there are pixels for, in a round number of seconds. */
export const steps = (from, to, points, scrape) => {
  const wanted = Math.max((to - from) / Math.max(points, 10), scrape);
  const interval = ROUND.find((each) => each >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
  return { interval, rate: Math.max(interval + scrape, 4 * scrape) };
};

/** The value of a variable as PromQL's =~ wants it. */
const alternatives = (variable) => {
  if (!variable) return "";
  if (variable.chosen.includes("$__all")) return variable.allValue || ".+";
  return variable.chosen.map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, "\\\\$&")).join("|");
};

/** An expression with the dashboard's variables and intervals filled in. */
export const filled = (expr, { variables, interval, rate, range }) => {
  const values = { __rate_interval: `${rate}s`, __interval: `${interval}s`, __range: `${Math.max(1, Math.round(range))}s` };
  return expr.replace(/\$\{?(\w+)\}?/g, (whole, name) => {
    if (name in values) return values[name];
    return variables[name] ? alternatives(variables[name]) : whole;
  });
};

/** A series' name by its legend: {{label}} is the label's value. */
export const named = (legend, labels) => {
  if (legend && legend !== "__auto") return legend.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] ?? "").trim();
  const shown = Object.entries(labels).filter(([label]) => label !== "__name__");
  return shown.length ? shown.map(([label, value]) => `${label}=${value}`).join(", ") : (labels.__name__ ?? "value");
};

const ask = async (path, parameters, signal) => {
  const response = await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`, { signal });
  const answer = await response.json().catch(() => ({ error: `HTTP ${response.status}` }));
  if (answer.status !== "success") throw new Error(answer.error ?? "Prometheus does not answer");
  return answer.data;
};

/** Values of a label: what `label_values(metric, label)` means to Grafana. */
export const labelValues = async (query, variables, { from, to }) => {
  const match = /^label_values\((?:(.+),\s*)?(\w+)\)$/s.exec(query.trim());
  if (!match) throw new Error(`${query}: only label_values(metric, label) is known here`);
  const parameters = { start: from, end: to };
  if (match[1]) parameters["match[]"] = filled(match[1], { variables, interval: 15, rate: 60, range: 3600 });
  return ask(`label/${match[2]}/values`, parameters);
};

const numbers = (values) => values.map(([time, value]) => [time * 1000, Number(value)]);

const boundary = (text) => Number(text.replace("Inf", "Infinity"));

/** A native histogram as what a classic one has: the cumulative count up to each boundary, by the label `le`. */
const bucketed = ({ metric, histograms }) => {
  const counts = histograms.map(([time, { buckets = [] }]) => [time, buckets.map(([, , high, count]) => [high, Number(count)])]);
  // Prometheus leaves empty buckets out.
  const highs = [...new Set(counts.flatMap(([, buckets]) => buckets.map(([high]) => high)))];
  return highs.map((le) => ({
    metric: { ...metric, le },
    values: counts.map(([time, buckets]) => [time, buckets.reduce(
      (total, [high, count]) => (boundary(high) <= boundary(le) ? total + count : total), 0)]),
  }));
};

/** The series of one target, over the range. */
export const ranged = async (target, context) => {
  const { from, to, interval, signal } = context;
  const start = Math.floor(from / interval) * interval, end = Math.floor(to / interval) * interval;
  const data = await ask("query_range", { query: filled(target.expr, context), start, end, step: interval }, signal);
  return data.result.flatMap((each) => (each.histograms ? bucketed(each) : [each])).map((each) => ({
    refId: target.refId, labels: each.metric, name: named(target.legendFormat, each.metric),
    points: gaps(numbers(each.values), interval * 1000),
  }));
};

/** Where samples are missing, a line is broken. */
const gaps = (points, step) => {
  const found = [];
  for (const point of points) {
    const last = found.at(-1);
    if (last && point[0] - last[0] > step * 1.5) found.push([last[0] + step, null]);
    found.push(point);
  }
  return found;
};

/** The series of one target, at the end of the range; now, where that is still to come. */
export const instant = async (target, context) => {
  const data = await ask("query", { query: filled(target.expr, context), time: Math.min(context.to, moment("now")) }, context.signal);
  const result = data.resultType === "scalar" ? [{ metric: {}, value: data.result }] : data.result;
  return result.map((each) => ({
    refId: target.refId, labels: each.metric, name: named(target.legendFormat, each.metric),
    points: numbers([each.value]),
  }));
};

/** Single measurements with a trace id, behind the buckets of an expression. */
export const exemplars = async (target, context) => {
  const { from, to, signal } = context;
  const data = await ask("query_exemplars", { query: filled(target.expr, context), start: from, end: to }, signal);
  return data.flatMap((each) => each.exemplars.map((one) => ({
    time: one.timestamp * 1000, value: Number(one.value), trace: one.labels.trace_id ?? "",
    labels: each.seriesLabels,
  }))).filter((one) => one.trace);
};
