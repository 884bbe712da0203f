/** Fill in the variables of expressions, and query Prometheus. */

const ROUND = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** Seconds since 1970 of `now`, `now-1h`, milliseconds or an ISO date. */
export const moment = (text, now = Date.now() / 1000) => {
  const relative = /^now(?:([+-])(\d+)([smhdw]))?$/.exec(text);
  if (relative) {
    const size = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 }[relative[3]] ?? 0;
    return now + (relative[1] === "+" ? 1 : -1) * Number(relative[2] ?? 0) * size;
  }
  const absolute = /^\d+$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isFinite(absolute)) throw new Error(`${text} is not a time; write for example now-1h`);
  return absolute / 1000;
};

/** The step of a range query: a round number of seconds, with no more points than the width allows. */
export const steps = (from, to, points, scrape) => {
  const wanted = Math.max((to - from) / Math.max(points, 10), scrape);
  const interval = ROUND.find((each) => each >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
  return { interval, rate: Math.max(interval + scrape, 4 * scrape) };
};

/** The value of a variable as a regular expression for PromQL's =~. */
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

/** The name of a series by the legend: {{label}} stands for the value of the label. */
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

/** The values of a label, for Grafana's `label_values(metric, label)`. */
export const labelValues = async (query, variables, { from, to }) => {
  const match = /^label_values\((?:(.+),\s*)?(\w+)\)$/s.exec(query.trim());
  if (!match) throw new Error(`${query}: this page supports only label_values(metric, label)`);
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

/** Add null where samples are missing, so that the line has a gap there. */
const gaps = (points, step) => {
  const complete = [];
  for (const point of points) {
    const last = complete.at(-1);
    if (last && point[0] - last[0] > step * 1.5) complete.push([last[0] + step, null]);
    complete.push(point);
  }
  return complete;
};

/** The series of one target at the end of the range, or now if the end is in the future. */
export const instant = async (target, context) => {
  const data = await ask("query", { query: filled(target.expr, context), time: Math.min(context.to, moment("now")) }, context.signal);
  const result = data.resultType === "scalar" ? [{ metric: {}, value: data.result }] : data.result;
  return result.map((each) => ({
    refId: target.refId, labels: each.metric, name: named(target.legendFormat, each.metric),
    points: numbers([each.value]),
  }));
};

/** The exemplars of an expression: single measurements with a trace id. */
export const exemplars = async (target, context) => {
  const { from, to, signal } = context;
  const data = await ask("query_exemplars", { query: filled(target.expr, context), start: from, end: to }, signal);
  return data.flatMap((each) => each.exemplars.map((one) => ({
    time: one.timestamp * 1000, value: Number(one.value), trace: one.labels.trace_id ?? "",
    labels: each.seriesLabels,
  }))).filter((one) => one.trace);
};
