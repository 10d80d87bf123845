// @ts-check
// The tags of what is shown large, and whether it is a favourite.

import * as api from "./api.js";
import { byId, icon, make } from "./dom.js";
import { propose, tagNames } from "./filters.js";

/** @typedef {import("./api.js").Item} Item */

const FAVOURITE = "favourite";

export class Tags {
  /** @type {Item | null} */
  #item = null;
  /** @type {string[]} */
  #names = [];
  /** What was given to it and taken from it here. @type {Map<string, boolean>} */
  #changed = new Map();

  /**
   * @param {object} calls
   * @param {(ids: number[], favourite: boolean) => void} calls.changed  Of which items.
   * @param {(failure: api.Failure) => void} calls.failed
   */
  constructor(calls) {
    this.calls = calls;
    this.star = byId("favourite");
    this.star.addEventListener("click", () => this.like());
    this.input = byId("new-tag");
    this.input.addEventListener("focus", async () => propose("tags-to-give", await tagNames()));
    byId("tags").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const name = this.input.value.trim().replace(/\s+/g, " ").toLowerCase();
      this.input.value = "";
      if (name) this.#change(name, true);
    });
  }

  /**
   * Turns to another item, of which perhaps no more is known than that it was found.
   * @param {Item | null} item
   * @param {boolean} favourite
   */
  turn(item, favourite) {
    this.#item = item;
    this.#names = favourite ? [FAVOURITE] : [];
    this.#changed.clear();
    this.input.value = "";
    this.#paint();
  }

  /**
   * Shows the tags of the item as they were told, but for what was changed since it was asked for.
   * @param {Item} item
   */
  show(item) {
    this.#item = item;
    const names = new Set(item.tags);
    for (const [name, given] of this.#changed) given ? names.add(name) : names.delete(name);
    this.#names = [...names].sort();
    this.#paint();
  }

  /** Makes it a favourite, or no more. */
  like() {
    this.#change(FAVOURITE, !this.#names.includes(FAVOURITE));
  }

  /**
   * Shows the change at once, and takes it back should the service refuse it.
   * @param {string} name
   * @param {boolean} given
   */
  async #change(name, given) {
    const item = this.#item;
    if (!item) return;
    const before = this.#names;
    this.#set(item, name, given);
    try {
      await api.tag(item.id, given ? { add: [name] } : { remove: [name] });
    } catch (error) {
      if (!(error instanceof api.Failure)) throw error;
      if (item.id === this.#item?.id) this.#set(item, name, before.includes(name));
      this.calls.failed(error);
    }
  }

  /**
   * @param {Item} item
   * @param {string} name
   * @param {boolean} given
   */
  #set(item, name, given) {
    this.#changed.set(name, given);
    const others = this.#names.filter((other) => other !== name);
    this.#names = given ? [...others, name].sort() : others;
    this.#paint();
    if (name !== FAVOURITE) return;
    const whole = item.film ?? item.picture?.id ?? item.id;
    this.calls.changed([...new Set([whole, item.id])], given);
  }

  #paint() {
    byId("tags").hidden = this.star.hidden = this.#item === null;
    this.star.setAttribute("aria-pressed", String(this.#names.includes(FAVOURITE)));
    const held = byId("tag-list").contains(document.activeElement);
    const names = this.#names.filter((name) => name !== FAVOURITE);
    byId("tag-list").replaceChildren(...names.map((name) => this.#tag(name)));
    if (held) this.input.focus();
  }

  /** @param {string} name */
  #tag(name) {
    const title = `Take the tag away: ${name}`;
    const button = make("button", { type: "button", title, "aria-label": title }, icon("close"));
    button.addEventListener("click", () => this.#change(name, false));
    return make("li", { className: "term" }, make("span", { textContent: name }), button);
  }
}
