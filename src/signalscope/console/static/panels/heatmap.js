/** The number of measurements in each bucket of a histogram, over time. */

import { format } from "../format.js";
import { dark } from "../look.js";
import { chartStyle, clock, everyFew } from "./time.js";

/** Turn cumulative buckets into separate ones, from the lowest bucket boundary to the highest. */
const separate = (series) => {
  const sorted = series.map((each) => ({ bound: Number(each.labels.le?.replace("+Inf", "Infinity")), each }))
    .filter(({ bound }) => !Number.isNaN(bound)).sort((a, b) => a.bound - b.bound);
  let below = new Map();
  return sorted.map(({ bound, each }) => {
    const here = new Map(each.points.filter(([, value]) => value !== null));
    const counts = [...here].map(([time, value]) => [time, Math.max(0, value - (below.get(time) ?? 0))]);
    below = here;
    return { bound, counts };
  });
};

export const draw = (body, panel, series, context) => {
  let buckets = separate(series);
  const busy = buckets.map(({ counts }) => counts.some(([, count]) => count > 0.001));
  if (!busy.includes(true)) return false;
  buckets = buckets.slice(Math.max(0, busy.indexOf(true) - 1), busy.lastIndexOf(true) + 1);
  const unit = panel.options?.yAxis?.unit ?? "none", style = chartStyle();
  const start = Math.floor(context.from / context.interval), end = Math.floor(context.to / context.interval);
  const times = Array.from({ length: end - start + 1 }, (_, index) => (start + index) * context.interval * 1000);
  const apart = everyFew(context, Math.max(2, Math.floor(body.clientWidth / 90)));
  const column = new Map(times.map((time, index) => [time, index]));
  const data = buckets.flatMap(({ counts }, row) => counts.filter(([time, count]) => count > 0.001 && column.has(time))
    .map(([time, count]) => [column.get(time), row, count]));
  const label = (bound) => (bound === Infinity ? "more" : `≤ ${format(bound, unit)}`);
  context.chartOf(body).setOption({
    grid: { left: 8, right: 12, top: 8, bottom: 4, containLabel: true, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: { type: "category", data: times, axisTick: { show: false }, axisLine: { lineStyle: { color: style.line } },
      axisLabel: { color: style.soft, fontSize: 11, hideOverlap: true, interval: (_, value) => Number(value) % apart === 0,
        formatter: (value) => clock(Number(value), context.from * 1000, context.to * 1000).replace(/^(\d\d:\d\d):00$/, "$1") } },
    yAxis: { type: "category", data: buckets.map(({ bound }) => label(bound)), axisTick: { show: false },
      axisLine: { show: false }, axisLabel: { color: style.soft, fontSize: 11 } },
    visualMap: { show: false, type: "continuous", min: 0, max: Math.max(...data.map(([, , count]) => Math.sqrt(count))), dimension: 3,
      inRange: { color: dark() ? ["#152b4d", "#1F60C4", "#5794F2", "#C0D8FF"] : ["#e3eefd", "#8AB8FF", "#3274D9", "#123b7a"] } },
    tooltip: { confine: true, transitionDuration: 0, backgroundColor: style.card, borderColor: style.line, textStyle: { color: style.text, fontSize: 12 },
      formatter: ({ value }) => `${clock(times[value[0]], 0, 3_600_000)}<br>${label(buckets[value[1]].bound)}: <b>${format(value[2], "short")}</b>` },
    series: [{ type: "heatmap", animation: false, progressive: 0, itemStyle: { borderWidth: 0 },
      data: data.map(([x, y, count]) => [x, y, count, Math.sqrt(count)]), encode: { x: 0, y: 1, value: 3 } }],
  }, true);
  return true;
};
