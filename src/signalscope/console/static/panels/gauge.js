/** A gauge of the latest value between minimum and maximum, with the thresholds on the rim. */

import { fieldOf, latest, shown } from "../fields.js";
import { colour, dark } from "../look.js";

export const draw = (body, panel, series, { chartOf }) => {
  const one = series.find((each) => latest(each) !== null);
  if (!one) return false;
  const field = fieldOf(panel, one.name), value = latest(one);
  const low = field.min ?? 0, high = field.max ?? 1;
  const steps = field.thresholds?.steps ?? [];
  const rim = steps.map((step, index) => {
    const end = steps[index + 1]?.value ?? high;
    return [Math.min(1, Math.max(0, (end - low) / (high - low))), colour(step.color)];
  }).filter(([end], index, all) => index === 0 ? end > 0 : end > all[index - 1][0]);
  const found = shown(field, value, one.name);
  const track = dark() ? "#2c3235" : "#e4e7eb";
  const common = { type: "gauge", min: low, max: high, startAngle: 200, endAngle: -20, center: ["50%", "66%"],
    axisTick: { show: false }, splitLine: { show: false }, axisLabel: { show: false }, pointer: { show: false },
    anchor: { show: false }, title: { show: false }, animation: false, silent: true };
  chartOf(body).setOption({
    series: [
      { ...common, radius: "112%", axisLine: { lineStyle: { width: 4, color: rim.length ? rim : [[1, track]] } },
        detail: { show: false }, data: [] },
      { ...common, radius: "104%", progress: { show: true, width: 12, itemStyle: { color: found.colour } },
        axisLine: { lineStyle: { width: 12, color: [[1, track]] } },
        detail: { formatter: found.text, color: found.colour, fontSize: found.text.length > 6 ? 13 : found.text.length > 4 ? 17 : 22, fontWeight: 600, offsetCenter: [0, "-8%"] },
        data: [{ value: Math.min(high, Math.max(low, value)) }] },
    ],
  }, true);
  body.setAttribute("aria-label", found.text);
  return true;
};
