/** The page of a runbook. */

import { here } from "./here.js";
import { element } from "./look.js";

export class Runbook {
  constructor(name) {
    this.name = name;
    this.controls = element("div", { class: "controls" });
    this.main = element("main", { id: "runbook" });
  }

  async start() {
    const response = await fetch(`/api/runbooks/${encodeURIComponent(this.name)}`);
    if (!response.ok) { this.main.replaceChildren(element("p", { id: "problem", role: "alert" }, (await response.json()).error)); return; }
    this.main.innerHTML = await response.text(); // made by the server, which turns HTML in a runbook into text
    for (const each of this.main.querySelectorAll("a")) each.setAttribute("href", here(each.getAttribute("href")));
    this.main.querySelector("h1")?.remove(); // it is the title of the page
  }

  stop() {}

  redraw() {}
}
