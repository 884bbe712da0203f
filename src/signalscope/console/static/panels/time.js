/** Times on an axis. */

const two = (number) => String(number).padStart(2, "0");

/** A time as text, with the precision that the range needs. */
export const clock = (time, from, to) => {
  const at = new Date(time), hours = (to - from) / 3_600_000;
  const day = `${two(at.getMonth() + 1)}/${two(at.getDate())}`, hour = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (hours <= 1) return `${hour}:${two(at.getSeconds())}`;
  return hours <= 30 ? hour : hours <= 24 * 4 ? `${day} ${hour}` : day;
};

/** Milliseconds between two marks of a time axis: a round number of steps. */
export const everyFew = ({ from, to, interval }, marks) => {
  const wanted = Math.max(interval, (to - from) / marks);
  const round = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400].find((each) => each >= wanted && each % interval === 0);
  return (round ?? Math.ceil(wanted / interval) * interval) * 1000;
};

/** The time axis of a chart. */
export const timeAxis = ({ from, to }, style) => ({
  type: "time", min: from * 1000, max: to * 1000, splitNumber: 4, axisLine: { lineStyle: { color: style.line } },
  axisLabel: { color: style.soft, fontSize: 11, hideOverlap: true,
    formatter: (value) => clock(value, from * 1000, to * 1000 - (to - from > 1800 ? 0 : 1)).replace(/^(\d\d:\d\d):00$/, "$1") },
  splitLine: { show: false }, axisTick: { show: false },
});

/** Colours of axes and text in this theme. */
export const chartStyle = () => {
  const property = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return { text: property("--text"), soft: property("--soft"), line: property("--line"), card: property("--card") };
};
