/** A timeline of states. */

import { fieldOf, shown } from "../fields.js";
import { element } from "../look.js";
import { clock } from "./time.js";

/** Join equal values that follow each other into a stretch; a gap ends the stretch. */
const stretches = (points, step) => {
  const found = [];
  for (const [time, value] of points) {
    const last = found.at(-1);
    if (value === null || Number.isNaN(value)) { if (last) last.ended = true; continue; }
    if (last && last.value === value && !last.ended) last.to = time + step;
    else { if (last && !last.ended) last.to = time; found.push({ from: time, to: time + step, value, ended: false }); }
  }
  return found;
};

export const draw = (body, panel, series, context) => {
  const rows = series.map((each) => ({ each, parts: stretches(each.points, context.interval * 1000) }))
    .filter(({ parts }) => parts.length).sort((a, b) => a.each.name.localeCompare(b.each.name));
  if (!rows.length) return false;
  const from = context.from * 1000, to = context.to * 1000;
  const share = (time) => Math.min(100, Math.max(0, ((time - from) / (to - from)) * 100));
  const made = rows.map(({ each, parts }) => element("div", { class: "state-row" },
    element("span", { class: "name", title: each.name }, each.name),
    element("div", { class: "track", role: "list", "aria-label": each.name }, ...parts.map((part) => {
      const found = shown(fieldOf(panel, each.name), part.value, each.name);
      const wide = share(part.to) - share(part.from);
      return element("span", { class: "stretch", role: "listitem",
        title: `${found.text}: ${clock(part.from, from, to)} to ${clock(part.to, from, to)}`,
        style: { left: `${share(part.from)}%`, width: `${wide}%`, background: found.colour } }, (wide / 100) * body.clientWidth * 0.6 > found.text.length * 7 ? found.text : "");
    }))));
  const ticks = (body.clientWidth < 460 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map((at) => element("span", {}, clock(from + at * (to - from), from, to)));
  body.replaceChildren(element("div", { class: "states" }, ...made,
    element("div", { class: "state-row ticks" }, element("span", { class: "name" }), element("div", { class: "axis" }, ...ticks))));
  return true;
};
