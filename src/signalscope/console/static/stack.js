/** The page with the alerts, the targets and the URLs of all parts. */

import { brief, link } from "./here.js";
import { element } from "./look.js";
import { ago, links, sentence, sorted, status as read } from "./now.js";

const row = (...cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
const dot = (text, kind) => element("span", { class: `dot ${kind}` }, text);
const flat = (value, name) => Object.entries(value).flatMap(([key, each]) =>
  typeof each === "object" ? flat(each, `${name}${key} `) : [[(name + key).replaceAll("_", " "), each]]);

/** The numbers of the process, by area, marked as its own. */
const numbers = ({ source, period, areas = {}, problem }) => [
  element("h2", {}, "Numbers of this process, without Prometheus"),
  element("p", { class: "source" }, problem ?? `${source.description.replace(/ Set SIGNALSCOPE_.*/, "")} Counts and means cover ${period}.`),
  element("div", { id: "own", class: "areas" }, ...Object.entries(areas).map(([area, lines]) => element("section", {}, element("h3", {}, area),
    element("table", {}, element("tbody", {}, ...lines.map(({ name, description, text }) => row(element("span", { title: name }, description), text))))))),
];

export class Stack {
  constructor(prometheus) {
    this.prometheus = prometheus;
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
    if (status.prometheus && !this.prometheus) location.reload(); // the dashboards are there now
    const own = status.demo && !status.prometheus ? await fetch("/api/own").then((answer) => answer.json()).catch(() => null) : null;
    const alerts = sorted(status.alerts ?? []).map((each) => row(
      element("span", {}, dot(each.alertname, each.severity), element("small", {}, `${each.severity}, ${each.state} for ${ago(each.since)}`)),
      element("span", {}, `${sentence(brief(each.summary))} `, element("b", {}, "Do first: "), brief(each.response)), links(each)));
    const none = row(dot(status.problem ? "not known" : "none", status.problem ? "unknown" : "up"));
    const targets = (status.targets ?? []).map((each) => row(dot(each.job, each.health), link(each.url), each.health));
    const places = flat(status.endpoints ?? {}, "").map(([name, value]) => row(name, /^https?:/.test(value) ? link(value) : String(value)));
    const table = (id, title, rows) => [element("h2", {}, title), element("div", { class: "scroll" }, element("table", { id }, element("tbody", {}, ...rows)))];
    this.main.replaceChildren(
      element("p", { id: "problem", role: "alert" }, status.building?.length ? "" : status.problem ?? ""),
      ...(status.building?.length ? table("building", "What is missing", status.building.map((part) => row(part.name, part.text, part.change))) : []),
      ...(own ? numbers(own) : []),
      ...(status.prometheus || !own ? [...table("alerts", "Alerts", alerts.length ? alerts : [none]), ...table("targets", "Targets", targets)] : []),
      ...table("endpoints", "URLs of the parts", places),
      ...(status.demo ? [element("p", {}, "To break a part on purpose: ", element("code", {}, ".venv/bin/signalscope fault list"))] : []));
  }
}
