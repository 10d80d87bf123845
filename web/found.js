// @ts-check
// Why a result was found, how it is marked, and what counts as one with it: in the detail view.

import { byId, fadeIn, isPlain, make } from "./dom.js";
import { judging, showMark } from "./marks.js";
import { whyOf } from "./worth.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./api.js").Item} Item */

export class Found {
  /** The hit that is shown. @type {Hit | null} */
  #hit = null;
  /** @type {number | null} */
  #id = null;

  /**
   * @param {object} calls
   * @param {(id: number) => void} calls.open
   * @param {(id: number) => string} calls.href
   * @param {(id: number, mark: import("./marks.js").Mark) => void} calls.judge
   * @param {(id: number) => import("./marks.js").Mark | null} calls.markOf
   */
  constructor(calls) {
    this.calls = calls;
    const buttons = judging((mark) => this.#id !== null && calls.judge(this.#id, mark));
    for (const button of buttons.children) {
      button.tabIndex = 0;
      button.append(button.classList.contains("right") ? "Right" : "Wrong");
    }
    byId("judge").append(buttons);
  }

  /**
   * @param {Item} item
   * @param {Hit | null} hit  Null where it is none of the results.
   */
  show(item, hit) {
    this.#id = item.id;
    const judged = hit !== null && hit.reasons.length > 0;
    byId("judge").hidden = !judged;
    showMark(byId("judge"), this.calls.markOf(item.id));
    if (hit === this.#hit) return;
    this.#hit = hit;
    const why = hit ? whyOf(hit) : [];
    byId("found").hidden = !why.length;
    byId("why").replaceChildren(...why.map((one) => this.#reason(one)));
    const alike = hit && item.film === null && item.modality !== "video" ? hit.group : [];
    byId("alike").hidden = !alike.length;
    byId("alike-title").textContent = `Counts as one with ${words.count(alike.length, "other")}`;
    byId("alike-list").replaceChildren(...alike.map(({ item }) => this.#thumb(item)));
  }

  clear() {
    this.#id = this.#hit = null;
    for (const id of ["found", "judge", "alike"]) byId(id).hidden = true;
  }

  /** @param {ReturnType<typeof whyOf>[number]} reason */
  #reason({ name, how, text, item }) {
    const line = make(
      "li",
      {},
      make("span", { className: "part", textContent: name }),
      make("span", { className: "how", textContent: how }),
    );
    if (!text) return line;
    const said = name === "Name" ? text : `“${text}”`;
    line.append(item === null ? make("q", { textContent: said }) : this.#link(item, said));
    return line;
  }

  /** @param {Item} item */
  #thumb(item) {
    const image = make("img", { alt: "", decoding: "async", draggable: false, src: item.thumbnail });
    fadeIn(image);
    const link = this.#link(item.id, "");
    link.append(image);
    link.title = words.nameOf(item);
    link.setAttribute("aria-label", words.title(item));
    return make("li", {}, link);
  }

  /**
   * @param {number} id
   * @param {string} text
   */
  #link(id, text) {
    const link = make("a", { href: this.calls.href(id), textContent: text });
    link.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (!isPlain(event)) return;
      event.preventDefault();
      this.calls.open(id);
    });
    return link;
  }
}
