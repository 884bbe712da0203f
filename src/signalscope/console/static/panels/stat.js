/** The latest value in large type, above a line of the earlier values. */

import { fieldOf, latest, shown } from "../fields.js";
import { element } from "../look.js";

const SVG = "http://www.w3.org/2000/svg";

const sparkline = (points) => {
  const known = points.filter(([, value]) => value !== null && Number.isFinite(value));
  if (known.length < 2) return null;
  const [first, last] = [known[0][0], known.at(-1)[0]];
  const values = known.map(([, value]) => value);
  const low = Math.min(0, ...values), high = Math.max(...values, low + 1e-12);
  const at = ([time, value]) => `${(((time - first) / (last - first || 1)) * 100).toFixed(2)} ${(30 - ((value - low) / (high - low)) * 28).toFixed(2)}`;
  const line = known.map(at).join(" L");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const [d, kind] of [[`M0 30 L${line} L100 30 Z`, "area"], [`M${line}`, "line"]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("class", kind);
    svg.append(path);
  }
  return svg;
};

export const draw = (body, panel, series) => {
  const background = panel.options?.colorMode === "background";
  const values = series.map((each) => ({ each, value: latest(each) })).filter(({ value }) => value !== null);
  if (!values.length) return false;
  const named = panel.options?.textMode === "value_and_name";
  body.replaceChildren(element("div", { class: "stats" }, ...values.map(({ each, value }) => {
    const found = shown(fieldOf(panel, each.name), value, each.name);
    const graph = panel.options?.graphMode === "area" ? sparkline(each.points) : null;
    return element("div", { class: `stat ${background ? "filled" : ""}` },
      element("div", { class: "value" }, element("b", { class: found.text.length > 8 ? "long" : "" }, found.text),
        named ? element("span", {}, each.name) : null), graph);
  })));
  for (const [index, box] of [...body.querySelectorAll(".stat")].entries())
    box.style.setProperty("--tone", shown(fieldOf(panel, values[index].each.name), values[index].value, "").colour);
  return true;
};
