/** Format numbers in those of Grafana's units that the dashboards use. */

const digits = (value, decimals) => {
  if (decimals !== undefined && decimals !== null) return value.toFixed(decimals);
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return trim(value.toFixed(1));
  if (size >= 0.01) return trim(value.toFixed(size >= 1 ? 2 : 3));
  return trim(value.toFixed(Math.min(20, 1 - Math.floor(Math.log10(size)))));
};
const trim = (text) => (text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text);

const scaled = (base, names, space = " ") => (value, decimals) => {
  let rest = value, index = 0;
  while (Math.abs(rest) >= base && index < names.length - 1) { rest /= base; index += 1; }
  return digits(rest, index ? undefined : decimals) + (names[index] ? space + names[index] : "");
};
const short = scaled(1000, ["", "K", "Mil", "Bil", "Tri"]);
const bytes = scaled(1024, ["B", "KiB", "MiB", "GiB", "TiB"]);

/** Seconds in a readable unit, from ns to days. */
const seconds = (value, decimals) => {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  for (const [limit, factor, name] of [[1e-6, 1e9, "ns"], [1e-3, 1e6, "µs"], [1, 1e3, "ms"]])
    if (size < limit) return `${digits(value * factor)} ${name}`;
  for (const [limit, factor, name] of [[60, 1, "s"], [3600, 60, "mins"], [86400, 3600, "hours"]])
    if (size < limit) return `${digits(value / factor, factor === 1 ? decimals : undefined)} ${name}`;
  return `${digits(value / 86400)} days`;
};

/** A duration in its two largest units, such as 2 hours, 5 minutes. */
const duration = (value) => {
  let rest = Math.round(Math.abs(value));
  const parts = [];
  for (const [size, name] of [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]]) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
  }
  return (value < 0 ? "-" : "") + (parts.slice(0, 2).join(", ") || "0 seconds");
};

/** A duration as 2 d 01:05:09. */
const clock = (value) => {
  const rest = Math.round(Math.abs(value)), days = Math.floor(rest / 86400), two = (number) => String(number).padStart(2, "0");
  return `${value < 0 ? "-" : ""}${days ? `${days} d ` : ""}${[rest % 86400 / 3600, rest % 3600 / 60, rest % 60].map((each) => two(Math.floor(each))).join(":")}`;
};

/** Two digits after the point below 100: 99.95 % is not 100 %. */
const percent = (value, decimals) => {
  const size = Math.abs(value);
  return `${size > 10 && size < 100 && decimals === undefined ? trim(value.toFixed(2)) : digits(value, decimals)}%`;
};

const money = (sign) => (value, decimals) =>
  (value < 0 ? "-" : "") + sign + scaled(1000, ["", "K", "M", "B"], "")(Math.abs(value), decimals);

const UNITS = {
  none: digits,
  short,
  percent,
  percentunit: (value, decimals) => percent(value * 100, decimals),
  s: seconds,
  bytes,
  cps: (value, decimals) => `${short(value, decimals)} /s`,
  reqps: (value, decimals) => `${short(value, decimals)} req/s`,
  dtdurations: duration,
  dtdhms: clock,
  dateTimeAsIso: (value) => new Date(value).toLocaleString("sv-SE").slice(0, 16),
  currencyUSD: money("$"),
  currencyEUR: money("€"),
  currencyGBP: money("£"),
  currencyJPY: money("¥"),
  currencyCHF: money("CHF "),
  currencyINR: money("₹"),
};

const STEPS = [1, 2, 2.5, 5, 10];
const TIMES = [30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** The distance between lines of an axis: a round number in the unit of the values. */
export const round = (highest, unit, lines = 4) => {
  const wanted = highest / lines;
  if ((unit === "s" || unit?.startsWith("dt")) && highest > 60) {
    const seconds = TIMES.find((time) => time >= wanted);
    if (seconds) return seconds;
  }
  const base = unit === "bytes" ? 1024 ** Math.max(0, Math.floor(Math.log2(wanted) / 10)) : 1;
  const power = base * 10 ** Math.floor(Math.log10(wanted / base));
  return power * STEPS.find((each) => each * power >= wanted * 0.999);
};

/** The units that this page supports. */
export const units = Object.keys(UNITS);

/** A number with its unit; null and NaN give an empty text. */
export const format = (value, unit = "none", decimals = undefined) => {
  if (typeof value === "string") return value;
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  return (UNITS[unit] ?? digits)(value, decimals);
};
