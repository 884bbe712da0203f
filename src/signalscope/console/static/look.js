/** Colours by Grafana's names, for both themes, and the colours of series and values. */

const HUES = {
  red: ["#C4162A", "#E02F44", "#F2495C", "#FF7383", "#FFA6B0"],
  orange: ["#FA6400", "#FF780A", "#FF9830", "#FFB357", "#FFCB7D"],
  yellow: ["#E0B400", "#F2CC0C", "#FADE2A", "#FFEE52", "#FFF899"],
  green: ["#37872D", "#56A64B", "#73BF69", "#96D98D", "#C8F2C2"],
  blue: ["#1F60C4", "#3274D9", "#5794F2", "#8AB8FF", "#C0D8FF"],
  purple: ["#8F3BB8", "#A352CC", "#B877D9", "#CA95E5", "#DEB6F2"],
};
const SHADES = ["dark-", "semi-dark-", "", "light-", "super-light-"];
/** Colours of series. They have no meaning, so green, orange, red and the purple of forecasts are not among them. */
const OTHERS = [
  "#5794F2", "#E0559B", "#33B5C9", "#C9A227", "#7E57C2", "#9C6B3F", "#2E9C8A", "#D48BE0", "#708FA8", "#8AB8FF",
  "#B5467D", "#1F7A9C", "#C98B6B", "#5C6BC0", "#86C5C0", "#A89B8C",
];

export const dark = () => document.documentElement.dataset.theme === "dark";

/** The colour of one of Grafana's names; in the light theme a shade darker, so that it is visible on white. */
export const colour = (name) => {
  if (name === "text") return dark() ? "#d8d9da" : "#24292e";
  for (const [hue, shades] of Object.entries(HUES)) {
    const at = SHADES.findIndex((shade) => shade + hue === name);
    if (at >= 0) return shades[dark() ? at : Math.max(0, at - 1)];
  }
  return name;
};

/** Name -> index of its colour; kept for all dashboards and after a reload. */
const STORE = "colours", MOST_NAMES = 2000;
const given = new Map();
try { for (const [name, slot] of JSON.parse(localStorage.getItem(STORE) ?? "[]")) given.set(name, slot % OTHERS.length); } catch { /* none yet */ }
const hashed = (name) => {
  let hash = 2166136261; // FNV-1a
  for (const letter of name) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  return ((hash ^ (hash >>> 15)) >>> 0) % OTHERS.length;
};

/** Give different colours to names that are shown together; a name keeps the colour that it has. */
export const tellApart = (names) => {
  const taken = new Set(names.filter((name) => given.has(name)).map((name) => given.get(name)));
  const fresh = names.filter((each) => !given.has(each)).toSorted();
  for (const name of fresh) {
    let slot = hashed(name);
    for (let tries = 0; taken.has(slot) && tries < OTHERS.length; tries += 1) slot = (slot + 1) % OTHERS.length;
    given.set(name, slot);
    taken.add(slot);
  }
  if (fresh.length) localStorage.setItem(STORE, JSON.stringify([...given].slice(-MOST_NAMES)));
};

/** The colour of a name, the same on every dashboard. */
export const byName = (name) => OTHERS[given.get(name) ?? hashed(name)];

/** The colour of a value by thresholds. */
export const byThreshold = (value, thresholds) => {
  let name = "text";
  for (const step of thresholds?.steps ?? [])
    if (step.value === null || step.value === undefined || value >= step.value) name = step.color;
  return colour(name);
};

/** The text and colour that a value is mapped to; undefined without a mapping. */
export const mapped = (value, mappings) => {
  for (const mapping of mappings ?? []) {
    const option = mapping.type === "value" ? mapping.options[String(value)] : undefined;
    if (option) return option;
  }
  return undefined;
};

/** A colour with opacity, for charts. */
export const faded = (hex, share) => {
  const at = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  return at ? `rgba(${at.slice(1).map((each) => parseInt(each, 16)).join(",")},${share})` : hex;
};

/** Create an element; text stays text and never becomes markup. */
export const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(made.style, value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};
