/** Bars of the latest values. */

import { fieldOf, latest, shown } from "../fields.js";
import { element } from "../look.js";

export const draw = (body, panel, series) => {
  const values = series.map((each) => ({ name: each.name || panel.title, value: latest(each) }))
    .filter(({ value }) => value !== null);
  if (!values.length) return false;
  const { min, max } = fieldOf(panel, "");
  const low = min ?? Math.min(...values.map(({ value }) => value), 0);
  const high = max ?? Math.max(...values.map(({ value }) => value), low + 1e-12);
  const width = (value) => `${Math.min(100, Math.max(0, ((value - low) / (high - low || 1)) * 100))}%`;
  body.replaceChildren(element("ul", { class: "bars" }, ...values.map(({ name, value }) => {
    const found = shown(fieldOf(panel, name), value, name);
    return element("li", {}, element("span", { class: "name", title: name }, name),
      element("span", { class: "track" }, element("span", { class: "bar", style: { width: width(value), background: found.colour } })),
      element("b", {}, found.text));
  })));
  return true;
};
