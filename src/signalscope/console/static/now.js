/** What is broken now: the worst alert with its first response, on top of every page. */

import { brief, link } from "./here.js";
import { element } from "./look.js";

const SEVERITIES = ["critical", "warning", "info"];

/** The rank of an alert: firing before pending, then by severity. */
const urgency = ({ state, severity }) => (state === "firing" ? 0 : 10) + (SEVERITIES.indexOf(severity) + 1 || SEVERITIES.length + 1);

/** Alerts with the worst first; of equal ones the oldest first, which is nearest to the cause. */
export const sorted = (alerts) => alerts.toSorted((a, b) => urgency(a) - urgency(b) || Date.parse(a.since) - Date.parse(b.since) || a.alertname.localeCompare(b.alertname));

/** The links of an alert to its pages in this console. */
export const links = ({ runbook_url: runbook, dashboard_url: board }) => element("span", { class: "links" },
  runbook ? link(runbook, "Runbook") : null, board ? link(board, "Dashboard") : null);

/** The time since a moment in words. */
export const ago = (moment, now = Date.now()) => {
  const minutes = Math.floor((now - Date.parse(moment)) / 60_000);
  if (minutes < 1) return "less than a minute";
  const [count, name] = minutes < 120 ? [minutes, "minute"] : minutes < 2880 ? [Math.floor(minutes / 60), "hour"] : [Math.floor(minutes / 1440), "day"];
  return `${count} ${name}${count === 1 ? "" : "s"}`;
};

/** A summary with one full stop at its end; it may begin with a name, which stays as it is. */
export const sentence = (text) => (text ? `${text.replace(/\.$/, "")}.` : "");

/** The alerts, the targets and the URLs of the parts; with `problem` if something does not answer. */
export const status = async () => {
  try { return await (await fetch("/status")).json(); } catch { return { problem: "The console does not answer. Check that it still runs." }; }
};

const names = (alerts) => [...new Set(alerts.map((each) => each.alertname))].join(", ");

/** Draw the tile. */
export const draw = (node, { alerts = [], problem }) => {
  const firing = sorted(alerts.filter(({ state }) => state === "firing")), pending = sorted(alerts.filter(({ state }) => state !== "firing"));
  const [worst, ...others] = firing;
  node.className = worst?.severity ?? (problem ? "unknown" : "well");
  if (!worst) {
    const waiting = pending.length ? ` Not firing yet: ${names(pending)}.` : "";
    node.replaceChildren(element("h2", {}, problem ? "What is broken is not known." : "Nothing is broken: no alert is firing."), element("p", {}, problem ?? waiting));
    return;
  }
  node.replaceChildren(
    element("h2", {}, `Broken now: ${worst.alertname}`, element("small", {}, `${worst.severity}, for ${ago(worst.since)}`), links(worst)),
    element("p", {}, sentence(brief(worst.summary))),
    element("p", { class: "response" }, element("b", {}, "Do first: "), brief(worst.response)),
    others.length ? element("p", {}, link("/stack", `${others.length} more firing`), `: ${names(others)}.`) : "");
};

/** Draw the tile now and every ten seconds. */
export const watch = async (node) => {
  const refresh = async () => { if (!document.hidden) draw(node, await status()); };
  setInterval(refresh, 10_000);
  document.addEventListener("visibilitychange", refresh);
  await refresh();
};
