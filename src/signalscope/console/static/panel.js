/** A panel: its frame, its data, and the dialog about it. */

import { draw as stat } from "./panels/stat.js";
import { draw as gauge } from "./panels/gauge.js";
import { draw as bars } from "./panels/bars.js";
import { draw as states } from "./panels/states.js";
import { draw as timeseries } from "./panels/timeseries.js";
import { draw as heatmap } from "./panels/heatmap.js";
import { draw as table } from "./panels/table.js";
import { link } from "./here.js";
import { element, tellApart } from "./look.js";
import { fieldOf, latest, shown } from "./fields.js";
import { exemplars, filled, instant, ranged, steps } from "./query.js";

const DRAW = { stat, gauge, bargauge: bars, "state-timeline": states, timeseries, heatmap, table };

/** The kinds of panel that this page can draw. */
export const kinds = Object.keys(DRAW);

export class PanelView {
  constructor(panel, board) {
    this.panel = panel;
    this.board = board;
    this.series = [];
    this.hidden = new Set();
    this.charts = new Map();
    const title = element("h3", { id: `panel-${panel.id}` }, panel.title);
    const more = element("button", { type: "button", class: "more", "aria-label": `About: ${panel.title}`, onclick: () => this.explain() }, "⋯");
    this.body = element("div", { class: `body ${panel.type}`, role: ["timeseries", "heatmap", "gauge"].includes(panel.type) ? "img" : undefined, "aria-labelledby": `panel-${panel.id}` });
    this.note = element("p", { class: "note", hidden: true });
    const { x, y, w, h } = panel.gridPos;
    this.node = element("section", {
      class: "panel", tabindex: "0", "aria-labelledby": `panel-${panel.id}`, dataset: { state: "waiting", panel: panel.id, kind: panel.type },
      style: { "--x": x + 1, "--w": w, "--h": h },
      onkeydown: (event) => { if (event.key === "Enter" && event.target === this.node) { event.preventDefault(); this.explain(); } },
    }, element("header", {}, title, more), this.body, this.note);
    this.node.style.setProperty("--x", x + 1);
    this.node.style.setProperty("--w", w);
    this.node.style.setProperty("--h", h);
    this.node.dataset.y = y;
    this.resize = new ResizeObserver(() => { for (const chart of this.charts.values()) chart.resize(); });
    this.resize.observe(this.node);
  }

  /** Query Prometheus, and draw the answer. */
  async refresh(signal) {
    const { from, to, scrape, generated, variables } = this.board.context();
    const points = Math.max(40, (this.body.clientWidth || 400) / (this.panel.type === "heatmap" ? 8 : 3));
    const context = { from, to, generated, ...steps(from, to, points, scrape), range: to - from, variables, signal };
    try {
      const answers = await Promise.all(this.panel.targets.map((target) =>
        target.instant ? instant(target, context) : ranged(target, context)));
      const marked = this.panel.targets.filter((target) => target.exemplar);
      const marks = await Promise.all(marked.map((target) => exemplars(target, context).catch(() => [])));
      this.series = answers.flat();
      tellApart(this.series.map((each) => each.name));
      this.context = { ...context, marks: marks.flat().toSorted((a, b) => a.time - b.time) };
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError") this.tell("error", error.message);
    }
  }

  /** Draw the last answer, for example after a change of the theme. */
  draw() {
    if (!this.context) return;
    const draw = DRAW[this.panel.type];
    if (!draw) { this.tell("error", `This page cannot draw a panel of the type ${this.panel.type}; use Grafana for it.`); return; }
    const drawn = draw(this.body, this.panel, this.series, {
      ...this.context, hidden: this.hidden, chartOf: (node) => this.chartOf(node), openTrace: (trace) => this.board.openTrace(trace),
    });
    for (const [node, chart] of this.charts)
      if (!node.isConnected) { chart.dispose(); this.charts.delete(node); }
    if (drawn) { this.tell("data", ""); this.below(); }
    else this.tell("empty", this.panel.fieldConfig?.defaults?.noValue ?? "no data");
  }

  chartOf(node) {
    if (!this.charts.has(node)) {
      node.replaceChildren();
      this.charts.set(node, window.echarts.init(node));
    }
    return this.charts.get(node);
  }

  tell(state, text) {
    this.node.dataset.state = state;
    this.note.textContent = text;
    this.note.hidden = !text;
    if (state !== "data") {
      for (const chart of this.charts.values()) chart.dispose();
      this.charts.clear();
      this.body.replaceChildren();
    }
  }

  /** Say how many bars, states or rows are out of sight below the panel. */
  below() {
    const list = this.body.querySelector(".bars, .states, .scroll");
    if (!list || list.scrollHeight <= list.clientHeight + 1) return;
    const entries = [...list.querySelectorAll("li, .state-row:not(.ticks), tbody tr")];
    this.note.hidden = false;
    this.note.textContent = "more below";
    const bottom = list.getBoundingClientRect().bottom + 2;
    const hidden = entries.filter((each) => each.getBoundingClientRect().bottom > bottom).length;
    this.note.textContent = hidden ? `${hidden} of ${entries.length} below: scroll` : "";
    this.note.hidden = !hidden;
  }

  dispose() {
    this.resize.disconnect();
    for (const chart of this.charts.values()) chart.dispose();
    this.charts.clear();
  }

  /** Show a dialog with the queries, the values and the links of the panel. */
  explain() {
    const { panel } = this, context = this.context ?? { variables: {}, interval: 15, rate: 60, range: 3600 };
    const links = (panel.links ?? []).map((each) => link(this.board.linked(each.url), each.title));
    const rows = this.series.slice(0, 50).map((each) => {
      const value = latest(each), name = each.name || panel.title;
      return element("tr", {}, element("td", {}, name),
        element("td", { class: "number" }, value === null ? "no data" : shown(fieldOf(panel, each.name), value, name).text));
    });
    const dialog = element("dialog", { "aria-label": panel.title },
      element("h2", {}, panel.title), element("p", {}, panel.description ?? ""),
      links.length ? element("p", { class: "links" }, ...links) : null,
      ...panel.targets.map((target) => element("pre", {}, filled(target.expr, context))),
      rows.length ? element("div", { class: "scroll" }, element("table", {}, element("tbody", {}, ...rows))) : element("p", { class: "note" }, this.note.textContent),
      element("form", { method: "dialog" }, element("button", {}, "Close")));
    dialog.addEventListener("close", () => { dialog.remove(); this.node.focus(); });
    document.body.append(dialog);
    dialog.showModal();
  }
}
