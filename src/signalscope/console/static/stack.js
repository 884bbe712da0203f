/** The page with the alerts, the targets and the URLs of all parts. */

import { element } from "./look.js";

const row = (...cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
const dot = (text, kind) => element("span", { class: `dot ${kind}` }, text);
const link = (url, text) => element("a", { href: url, rel: "noreferrer" }, text ?? url);
const flat = (value, name) => Object.entries(value).flatMap(([key, each]) =>
  typeof each === "object" ? flat(each, `${name}${key} `) : [[(name + key).replaceAll("_", " "), each]]);

const SEVERITIES = ["critical", "warning", "info"];

/** The rank of an alert: firing before pending, then by severity. */
const urgency = ({ state, severity }) => (state === "firing" ? 0 : 10) + (SEVERITIES.indexOf(severity) + 1 || SEVERITIES.length + 1);

/** A link to the dashboard of an alert in this console instead of in Grafana. */
const board = (url) => {
  const path = /\/d\/[^?]+(\?.*)?$/.exec(url ?? "")?.[0];
  return path ? link(path, "dashboard") : "";
};

export class Stack {
  constructor() {
    this.controls = element("div", { class: "controls" });
    this.main = element("main", { id: "stack" });
  }

  async start() {
    await this.refresh();
    this.timer = setInterval(() => this.refresh(), 5000);
  }

  stop() { clearInterval(this.timer); }

  redraw() {}

  async refresh() {
    let status;
    try { status = await (await fetch("/status")).json(); } catch { status = { problem: "The console does not answer. Check that it still runs.", endpoints: {} }; }
    const alerts = (status.alerts ?? []).toSorted((a, b) => urgency(a) - urgency(b) || a.alertname.localeCompare(b.alertname)).map((each) => row(dot(`${each.alertname} (${each.state})`, each.severity),
      `${each.summary}. ${each.response}`, element("span", {}, each.runbook_url ? link(each.runbook_url, "runbook") : "", " ", board(each.dashboard_url))));
    const none = row(dot(status.problem ? "unknown" : "none", status.problem ? "unknown" : "up"));
    const targets = (status.targets ?? []).map((each) => row(dot(each.job, each.health), link(each.url), each.health));
    const places = flat(status.endpoints ?? {}, "").map(([name, value]) => row(name, /^https?:/.test(value) ? link(value) : String(value)));
    const table = (id, title, rows) => [element("h2", {}, title), element("div", { class: "scroll" }, element("table", { id }, element("tbody", {}, ...rows)))];
    this.main.replaceChildren(
      element("p", { id: "problem", role: "alert" }, status.problem ?? ""),
      ...table("alerts", "Alerts", alerts.length ? alerts : [none]),
      ...table("targets", "Targets", targets), ...table("endpoints", "URLs of the parts", places),
      ...(status.demo ? [element("p", {}, "To break a part on purpose: ", element("code", {}, ".venv/bin/signalscope fault list"))] : []));
  }
}
