/** A table of the latest values of several expressions, joined by their labels. */

import { fieldOf, latest, shown } from "../fields.js";
import { link } from "../here.js";
import { element } from "../look.js";

/** One row for each set of labels that the expressions share, as Grafana's transformation `merge` does. */
const merged = (series, organize, several) => {
  const hidden = organize.excludeByName ?? {}, rows = new Map();
  for (const each of series) {
    const labels = Object.entries(each.labels).filter(([label]) => !hidden[label]);
    const key = JSON.stringify(labels.toSorted());
    const row = rows.get(key) ?? Object.fromEntries(labels);
    row[several ? `Value #${each.refId}` : "Value"] = latest(each);
    rows.set(key, row);
  }
  return [...rows.values()];
};

const cell = (panel, heading, row, renamed) => {
  const field = fieldOf(panel, heading), value = row[heading];
  const found = value === undefined || value === null ? { text: "" } : shown(field, value, heading);
  const coloured = field.custom.cellOptions?.type === "color-text";
  const made = element("td", { class: typeof value === "number" ? "number" : "", style: coloured && found.colour ? { color: found.colour } : {} });
  const target = field.links?.[0];
  if (target && found.text) {
    const url = target.url.replace(/\$\{__data\.fields\.(\w+)\}/g, (_, name) => encodeURIComponent(row[renamed[name] ?? name] ?? row[name] ?? ""));
    made.append(link(url, found.text, { title: target.title }));
  } else made.textContent = found.text;
  return made;
};

export const draw = (body, panel, series) => {
  const organize = panel.transformations?.find((each) => each.id === "organize")?.options ?? {};
  const several = panel.targets.length > 1, names = organize.renameByName ?? {};
  const rows = merged(series, organize, several).map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [names[name] ?? name, value])));
  if (!rows.length) return false;
  const order = organize.indexByName ?? {};
  const present = Object.keys(order).toSorted((a, b) => order[a] - order[b]).map((name) => names[name] ?? name)
    .filter((heading) => rows.some((row) => row[heading] !== undefined && row[heading] !== ""));
  const sort = panel.options?.sortBy?.[0];
  const last = sort?.desc ? -Infinity : Infinity, by = (row) => row[sort.displayName] ?? last;
  if (sort) rows.sort((a, b) => (by(a) === by(b) ? 0 : (by(b) - by(a)) * (sort.desc ? 1 : -1)));
  body.replaceChildren(element("div", { class: "scroll", tabindex: "0" }, element("table", {},
    element("thead", {}, element("tr", {}, ...present.map((heading) => element("th", { scope: "col" }, heading)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...present.map((heading) => cell(panel, heading, row, {}))))))));
  return true;
};
