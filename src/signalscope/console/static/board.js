/** A dashboard: its variables, time range, rows and refresh interval. */

import { brief } from "./here.js";
import { element } from "./look.js";
import { PanelView } from "./panel.js";
import { labelValues, moment } from "./query.js";

const RANGES = [["now-5m", "Last 5 minutes"], ["now-15m", "Last 15 minutes"], ["now-30m", "Last 30 minutes"], ["now-1h", "Last hour"],
  ["now-3h", "Last 3 hours"], ["now-6h", "Last 6 hours"], ["now-24h", "Last 24 hours"], ["now-2d", "Last 2 days"],
  ["now-7d", "Last 7 days"], ["now-30d", "Last 30 days"], ["now-6h/now+48h", "Last 6 hours, next 2 days"]];
const REFRESHES = ["", "5s", "10s", "30s", "1m", "5m"];

/** A panel with defaults for the optional keys, which a dashboard made by hand may leave out. */
const whole = (panel) => ({ title: "", targets: [], ...panel, gridPos: { x: 0, y: 0, w: 24, h: 8, ...panel.gridPos },
  fieldConfig: { overrides: [], ...panel.fieldConfig, defaults: { ...panel.fieldConfig?.defaults } } });

/** On narrow screens two numbers share a line: mark the numbers without a partner. */
const pair = (nodes) => {
  let waiting = null;
  for (const node of nodes) {
    const small = ["stat", "gauge"].includes(node.dataset.kind);
    if (small && waiting) waiting = null;
    else { waiting?.classList.add("alone"); waiting = small ? node : null; }
  }
  waiting?.classList.add("alone");
};

export class Board {
  constructor(json, settings, parameters) {
    this.json = json;
    this.settings = settings;
    this.from = parameters.get("from") ?? settings.since ?? json.time?.from ?? "now-1h";
    this.to = parameters.get("to") ?? json.time?.to ?? "now";
    if (moment(this.from) >= moment(this.to)) throw new Error(`${this.from} is not before ${this.to}`);
    this.every = parameters.get("refresh") ?? json.refresh ?? "";
    this.all = parameters.has("kiosk"); // nobody can open a section on a screen on the wall
    this.variables = {};
    for (const variable of json.templating?.list ?? []) {
      if (variable.type !== "query") continue;
      const wanted = parameters.getAll(`var-${variable.name}`), preset = variable.current?.value;
      const chosen = wanted.length ? wanted.map((each) => (each === "All" ? "$__all" : each)) : [preset ?? "$__all"].flat();
      this.variables[variable.name] = { ...variable, chosen, values: [] };
    }
    this.views = [];
    this.seen = new IntersectionObserver((entries) => this.appeared(entries), { rootMargin: "200px" });
    this.visible = new Set();
    this.main = element("main", { id: "board" });
    this.controls = element("div", { class: "controls", role: "toolbar", "aria-label": "Variables and time" });
  }

  context() {
    return { from: moment(this.from), to: moment(this.to), scrape: this.settings.scrape_seconds, generated: this.settings.generated_until, variables: this.variables };
  }

  /** Build the page and send the first queries. */
  async start() {
    this.rows();
    this.fit();
    await this.values();
    this.toolbar();
    this.refresh();
    this.schedule();
  }

  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.seen.disconnect();
    for (const view of this.views) view.dispose();
  }

  rows() {
    let grid = null, top = 0;
    const begin = (title, y) => {
      grid = element("div", { class: "grid" });
      top = y;
      const section = element("details", { class: "row", open: true }, element("summary", { onclick: () => this.keep(title, !section.open) },
        element("h2", {}, title), element("span", { class: "inside" })), grid);
      section.addEventListener("toggle", () => { if (section.open) window.dispatchEvent(new Event("resize")); });
      this.main.append(section);
    };
    for (const panel of this.json.panels.flatMap((each) => [each, ...(each.type === "row" ? each.panels ?? [] : [])]).map(whole)) {
      if (panel.type === "row") { begin(panel.title ?? "", panel.gridPos.y + 1); continue; }
      if (!grid) begin("", 0);
      const view = new PanelView(panel, this);
      view.node.style.setProperty("--y", panel.gridPos.y - top + 1);
      grid.append(view.node);
      this.views.push(view);
      view.node.view = view;
      this.seen.observe(view.node);
    }
    for (const each of this.main.querySelectorAll(".grid")) pair([...each.children]);
  }

  /** Remember that the user has opened or closed a section. */
  keep(title, open) {
    localStorage.setItem(`section ${this.json.uid} ${title}`, open ? "open" : "closed");
  }

  /** Close the sections that do not fit on the screen; the first one stays open, and the user's choice counts more. */
  fit() {
    const sections = [...this.main.querySelectorAll("details.row")];
    const ends = sections.map((each) => each.getBoundingClientRect().bottom + window.scrollY);
    for (const [index, section] of sections.entries()) {
      const kept = localStorage.getItem(`section ${this.json.uid} ${section.querySelector("h2").textContent}`);
      const count = section.querySelectorAll(".panel").length;
      section.querySelector(".inside").textContent = `${count} panel${count === 1 ? "" : "s"}`;
      section.open = this.all || (kept ? kept === "open" : index === 0 || ends[index] <= window.innerHeight);
    }
  }

  /** Open all sections, or close all but the first one. */
  toggleSections() {
    const sections = [...this.main.querySelectorAll("details.row")], open = sections.some((each) => !each.open);
    for (const [index, section] of sections.entries()) {
      section.open = open || index === 0;
      this.keep(section.querySelector("h2").textContent, section.open);
    }
  }

  /** Read the values of each variable; after an error a variable has no values, and All stays chosen. */
  async values() {
    for (const variable of Object.values(this.variables)) {
      try {
        variable.values = await labelValues(variable.query?.query ?? variable.query, this.variables, this.context());
      } catch {
        variable.values = [];
      }
      if (!variable.chosen.includes("$__all") && variable.values.length && !variable.chosen.some((each) => variable.values.includes(each)))
        variable.chosen = ["$__all"];
    }
  }

  toolbar() {
    const choice = (name, label, options, value, change) => {
      const known = options.some(([each]) => each === value) ? options : [[value, value], ...options];
      const select = element("select", { "aria-label": label, id: name, onchange: (event) => change(event.target.value) },
        ...known.map(([each, text]) => element("option", { value: each, selected: each === value }, text)));
      return element("label", {}, element("span", {}, label), select);
    };
    const variables = Object.values(this.variables).map((variable) => this.variable(variable));
    this.controls.replaceChildren(
      element("span", { class: "source", title: "The source of every number" }, `Prometheus ${this.settings.prometheus}`),
      ...variables,
      choice("range", "Time", RANGES, this.to === "now" ? this.from : `${this.from}/${this.to}`, (value) => {
        [this.from, this.to = "now"] = value.split("/");
        this.changed();
      }),
      choice("refresh", "Refresh", REFRESHES.map((each) => [each, each || "Off"]), this.every, (value) => { this.every = value; this.changed(); }),
      element("button", { type: "button", title: "Open or close all sections (o)", onclick: () => this.toggleSections() }, "Sections"),
      element("button", { type: "button", class: "now", title: "Refresh now (r)", onclick: () => this.refresh() }, "Refresh"),
    );
  }

  /** A menu of checkboxes; none and all checked both mean All. */
  variable(variable) {
    const all = variable.chosen.includes("$__all");
    const text = () => (variable.chosen.includes("$__all") ? "All" : brief(variable.chosen.join(", ")));
    const summary = element("summary", { "aria-label": `${variable.label}: ${text()}` }, element("span", {}, variable.label), element("b", {}, text()));
    const boxes = variable.values.map((value) => element("label", {}, element("input", {
      type: "checkbox", value, checked: all || variable.chosen.includes(value),
      onchange: () => {
        const checked = boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value);
        variable.chosen = checked.length === 0 || checked.length === variable.values.length ? ["$__all"] : checked;
        summary.lastChild.textContent = text();
        this.changed();
      },
    }), brief(value)));
    return element("details", { class: "variable" }, summary,
      element("div", { class: "menu" }, ...(boxes.length ? boxes : [element("span", {}, "no values yet")])));
  }

  changed() {
    history.replaceState(null, "", `${location.pathname}?${this.parameters()}`);
    this.refresh();
    this.schedule();
  }

  /** The state of the page as parameters of a URL, as in Grafana. */
  parameters() {
    const parameters = new URLSearchParams(location.search);
    parameters.set("from", this.from);
    parameters.set("to", this.to);
    if (this.every) parameters.set("refresh", this.every); else parameters.delete("refresh");
    for (const { name, chosen } of Object.values(this.variables)) {
      parameters.delete(`var-${name}`);
      for (const value of chosen) parameters.append(`var-${name}`, value);
    }
    return parameters;
  }

  /** A link of a panel, with the time range and variables of the page. */
  linked(url) {
    const kept = this.parameters();
    const only = (test) => new URLSearchParams([...kept].filter(([name]) => test(name))).toString();
    return url.replace("${__url_time_range}", only((name) => name === "from" || name === "to"))
      .replace(/\$\{(\w+):queryparam\}/g, (_, name) => only((each) => each === `var-${name}`)).replace(/&{2,}/g, "&").replace(/\?&/, "?");
  }

  openTrace(trace) {
    const { traces } = this.settings;
    if (traces) window.open(traces.replace("{trace_id}", encodeURIComponent(trace)), "_blank", "noreferrer");
    else window.prompt("The console has no trace backend (option --traces). The id of the trace is:", trace);
  }

  appeared(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.visible.add(target.view); else this.visible.delete(target.view);
      if (isIntersecting && this.ready && target.dataset.state === "waiting") target.view.refresh(this.abort.signal);
    }
  }

  /** Query the visible panels again; other panels wait until the user scrolls to them. */
  async refresh() {
    this.abort?.abort();
    this.abort = new AbortController();
    this.ready = true;
    for (const view of this.views) if (!this.visible.has(view)) view.node.dataset.state = "waiting";
    document.body.dataset.busy = "true";
    await Promise.all([...this.visible].map((view) => view.refresh(this.abort.signal)));
    document.body.dataset.busy = "false";
  }

  schedule() {
    clearTimeout(this.timer);
    const match = /^(\d+)([sm])$/.exec(this.every);
    if (!match) return;
    this.timer = setTimeout(async () => {
      if (!document.hidden) await this.refresh();
      this.schedule();
    }, Number(match[1]) * (match[2] === "m" ? 60_000 : 1000));
  }

  redraw() {
    for (const view of this.views) view.draw();
  }
}
