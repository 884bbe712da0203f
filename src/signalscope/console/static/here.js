/** Links and names for this console: pages that are here instead of on another host, and short names of processes. */

import { element } from "./look.js";

let runbooks = new Set();

/** Set the names of the runbooks that this console has. */
export const knows = (names) => { runbooks = new Set(names); };

/** The page of this console for the URL of a runbook or of a dashboard; other URLs stay. */
export const here = (url) => {
  const runbook = /(?:^|\/)(\w+)\.md$/.exec(url)?.[1];
  if (runbooks.has(runbook)) return `/runbooks/${runbook}`;
  return /\/d\/signalscope-[^?]+(\?.*)?$/.exec(url)?.[0] ?? url;
};

/** A link that stays in this console if the page is here. */
export const link = (url, text, attributes = {}) => {
  const to = here(url);
  return element("a", { href: to, rel: "noreferrer", target: to.startsWith("/") ? undefined : "_blank", ...attributes }, text ?? url);
};

/** A text with each UUID cut to its first eight digits, as in the panels. */
export const brief = (text) => text.replace(/\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "$1");
