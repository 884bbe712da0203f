/** The page with the alerts, the targets and the URLs of all parts. */

import { brief, link } from "./here.js";
import { element } from "./look.js";
import { ago, links, sentence, sorted, status as read } from "./now.js";

const row = (...cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
const dot = (text, kind) => element("span", { class: `dot ${kind}` }, text);
const flat = (value, name) => Object.entries(value).flatMap(([key, each]) =>
  typeof each === "object" ? flat(each, `${name}${key} `) : [[(name + key).replaceAll("_", " "), each]]);

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
    const status = await read();
    const alerts = sorted(status.alerts ?? []).map((each) => row(
      element("span", {}, dot(each.alertname, each.severity), element("small", {}, `${each.severity}, ${each.state} for ${ago(each.since)}`)),
      element("span", {}, `${sentence(brief(each.summary))} `, element("b", {}, "Do first: "), brief(each.response)), links(each)));
    const none = row(dot(status.problem ? "not known" : "none", status.problem ? "unknown" : "up"));
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
