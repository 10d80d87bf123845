// @ts-check
// The panel of filters. Its controls read and write the text of the query, so there is one truth.

import * as api from "./api.js";
import { byId, make } from "./dom.js";
import * as language from "./language.js";
import { known, SORTS } from "./location.js";

/** @typedef {import("./location.js").State} State */

/** The controls whose value is the filter's. */
const PLAIN = ["has", "orientation"];
const NAMED = ["folder", "tag"];
const FAVOURITE = "favourite";
const FROM = /^(?:>=)?([\d-]+)(?:\.\.)?$/;
const UP_TO = /^(?:<=|\.\.)([\d-]+)$/;
const BETWEEN = /^([\d-]+)\.\.([\d-]+)$/;

export class Filters {
  /** @type {State | null} */
  #state = null;

  /**
   * @param {object} calls
   * @param {(change: Partial<State>) => void} calls.change
   * @param {() => string[]} calls.folders  Folders that are worth to be proposed.
   */
  constructor(calls) {
    this.calls = calls;
    /** @type {HTMLFormElement} */
    this.panel = byId("filters");
    this.button = byId("filters-button");
    this.button.addEventListener("click", () => (this.panel.hidden ? this.#open() : this.close()));
    this.panel.addEventListener("change", (event) => {
      this.#changed(/** @type {HTMLInputElement} */ (event.target));
    });
    this.panel.addEventListener("submit", (event) => event.preventDefault());
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
      this.button.focus();
    });
    addEventListener("pointerdown", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (!this.panel.hidden && !target.closest("#filters, #filters-button")) this.close();
    });
    byId("filters-close").addEventListener("click", () => {
      this.close();
      this.button.focus();
    });
    byId("filters-clear").addEventListener("click", () => this.#clear());
  }

  /**
   * Shows in the controls what the query says, but not where someone writes just now.
   * @param {State} state
   */
  show(state) {
    this.#state = state;
    const { q, sort, collapse, varied } = state;
    const count =
      language.partsOf(q).filter(({ kind }) => kind === "filter").length +
      Number(sort !== "score") +
      Number(collapse) +
      Number(varied);
    byId("filters-count").textContent = count ? String(count) : "";
    this.button.setAttribute("aria-label", count ? `Filters, ${count} set` : "Filters");
    for (const field of PLAIN) set(`f-${field}`, language.filterOf(q, field)?.toLowerCase() ?? "");
    for (const field of NAMED) set(`f-${field}`, language.unquoted(language.filterOf(q, field) ?? ""));
    const [from, to] = datesOf(language.filterOf(q, "taken") ?? "");
    set("f-from", from);
    set("f-to", to);
    byId("f-favourite").checked = language.filterOf(q, "is") !== null;
    set("f-sort", sort);
    byId("f-collapse").checked = collapse;
    byId("f-varied").checked = varied;
  }

  close() {
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  async #open() {
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    // Under a finger a field that has the focus brings up the keyboard, unasked.
    (matchMedia("(hover: none)").matches ? this.panel : byId("f-from")).focus();
    propose("folders", this.calls.folders());
    propose("known-tags", await tagNames());
  }

  /** @param {HTMLInputElement} control */
  #changed(control) {
    if (!this.#state) return;
    const { q } = this.#state;
    const field = control.id.slice("f-".length);
    if (!control.reportValidity()) return;
    if (field === "from" || field === "to") {
      this.calls.change({ q: language.withFilter(q, "taken", taken()) });
    } else if (field === "favourite") {
      this.calls.change({ q: language.withFilter(q, "is", control.checked ? FAVOURITE : "") });
    } else if (field === "sort") {
      this.calls.change({ sort: known(SORTS, control.value, "score") });
    } else if (field === "collapse") {
      this.calls.change({ collapse: control.checked });
    } else if (field === "varied") {
      this.calls.change({ varied: control.checked });
    } else {
      const value = NAMED.includes(field) ? language.quoted(control.value) : control.value;
      this.calls.change({ q: language.withFilter(q, field, value) });
    }
  }

  #clear() {
    if (!this.#state) return;
    const q = language.lookedFor(this.#state.q);
    this.calls.change({ q, sort: "score", collapse: false, varied: false });
  }
}

/** Returns all tags but that of favourites, which has a control of its own; none if that fails. */
export async function tagNames() {
  try {
    const { tags } = await api.tags();
    return tags.map(({ name }) => name).filter((name) => name !== FAVOURITE);
  } catch (error) {
    if (!(error instanceof api.Failure)) throw error;
    return [];
  }
}

/**
 * @param {string} id  Of a datalist.
 * @param {string[]} values
 */
export const propose = (id, values) =>
  byId(id).replaceChildren(...values.map((value) => make("option", { value })));

/**
 * @param {string} id
 * @param {string} value
 */
function set(id, value) {
  const control = byId(id);
  if (document.activeElement !== control || control.matches("select")) control.value = value;
}

/**
 * Returns the two ends of a span of time, each as it is written, where the controls can show it.
 * @param {string} value
 */
function datesOf(value) {
  const between = BETWEEN.exec(value);
  if (between) return [between[1], between[2]];
  const upTo = UP_TO.exec(value);
  if (upTo) return ["", upTo[1]];
  const from = FROM.exec(value);
  if (!from) return ["", ""];
  return [from[1], from[0] === from[1] ? from[1] : ""];
}

/** Returns the filter of the two dates. */
function taken() {
  const from = byId("f-from").value.trim();
  const to = byId("f-to").value.trim();
  if (from === to) return from;
  if (!to) return `>=${from}`;
  return from ? `${from}..${to}` : `<=${to}`;
}
