/** The appearance of a series in a panel: defaults of the panel, and overrides for the name of the series. */

import { byName, byThreshold, colour, mapped } from "./look.js";
import { format } from "./format.js";

/** The settings of one series or column. */
export const fieldOf = (panel, name) => {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const field = { ...defaults, custom: { ...(defaults.custom ?? {}) } };
  for (const override of overrides) {
    if (override.matcher.id !== "byName" || override.matcher.options !== name) continue;
    for (const { id, value } of override.properties) {
      if (id.startsWith("custom.")) field.custom[id.slice(7)] = value;
      else field[id] = value;
    }
  }
  return field;
};

/** The colour of a series: a fixed one, or one by its name. */
export const seriesColour = (field, name) =>
  field.color?.mode === "fixed" ? colour(field.color.fixedColor) : byName(name);

/** The colour and text of a single value. */
export const shown = (field, value, name) => {
  const mapping = mapped(value, field.mappings);
  const text = mapping?.text ?? format(value, field.unit, field.decimals);
  if (mapping?.color) return { text, colour: colour(mapping.color) };
  if (field.color?.mode === "thresholds") return { text, colour: byThreshold(value, field.thresholds) };
  return { text, colour: seriesColour(field, name) };
};

/** The latest value of a series that is a number; null without one. */
export const latest = (series) => {
  for (let index = series.points.length - 1; index >= 0; index -= 1) {
    const value = series.points[index][1];
    if (value !== null && !Number.isNaN(value)) return value;
  }
  return null;
};
