// @ts-check
// Captions as a list to read, each with its picture where the library has it.

import { badge } from "./badge.js";
import { fadeIn, icon, isPlain, make } from "./dom.js";
import { judging, markOfKey, showMark } from "./marks.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./tile.js").Calls} Calls */

export class CaptionList {
  /** @type {Hit[]} */
  #hits = [];
  #current = 0;

  /**
   * @param {HTMLElement} element
   * @param {Calls} calls
   */
  constructor(element, calls) {
    this.element = element;
    this.calls = calls;
    element.addEventListener("click", (event) => {
      const line = /** @type {HTMLElement} */ (event.target).closest("a");
      if (!line || !isPlain(event)) return;
      event.preventDefault();
      calls.open(Number(line.dataset.id));
    });
    element.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const mark = markOfKey(event);
      if (mark && this.#hits[this.#current]) {
        event.preventDefault();
        calls.judge?.(this.#hits[this.#current].item.id, mark);
        return;
      }
      const last = this.#hits.length - 1;
      const steps = {
        ArrowUp: this.#current - 1,
        ArrowDown: this.#current + 1,
        Home: 0,
        End: last,
      };
      const to = steps[/** @type {keyof steps} */ (event.key)];
      if (to === undefined) return;
      event.preventDefault();
      if (to < 0) calls.leave();
      else this.focus(Math.min(to, last));
    });
    element.addEventListener("focusin", (event) => {
      const line = /** @type {HTMLElement} */ (event.target).closest("li");
      if (line) this.#setCurrent([...element.children].indexOf(line));
    });
  }

  /**
   * Shows these hits; lines at the top that stay the same are kept.
   * @param {Hit[]} hits
   */
  show(hits) {
    let same = 0;
    while (same < hits.length && hits[same].item.id === this.#hits[same]?.item.id) same += 1;
    while (this.element.children.length > same) this.element.lastElementChild?.remove();
    this.element.append(...hits.slice(same).map((hit) => this.#make(hit)));
    this.#hits = hits;
    this.label();
    this.#setCurrent(Math.min(this.#current, Math.max(0, hits.length - 1)));
  }

  /** Says on each line what has changed. */
  label() {
    this.#hits.forEach((hit, index) => this.#label(this.element.children[index], hit));
  }

  rewind() {
    this.#setCurrent(0);
  }

  /**
   * @param {number} index
   * @param {FocusOptions} [how]
   */
  focus(index, how) {
    const line = this.element.children[index]?.querySelector("a");
    if (!line) return;
    line.focus({ preventScroll: true, ...how });
    if (!how?.preventScroll) line.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} id */
  focusItem(id) {
    this.focus(this.#hits.findIndex((hit) => hit.item.id === id));
  }

  /** @param {Hit} hit */
  #make({ item }) {
    const picture = make("span", { className: "thumb" });
    if (item.picture) {
      const image = make("img", {
        alt: "",
        decoding: "async",
        loading: "lazy",
        src: item.picture.thumbnail,
      });
      fadeIn(image);
      picture.append(image, ...[badge(item)].filter((sign) => sign !== null));
    } else {
      picture.append(icon("quote"));
    }
    const link = make(
      "a",
      { tabIndex: -1 },
      picture,
      make(
        "span",
        { className: "words" },
        make("span", { className: "text", textContent: item.text ?? "" }),
        make("span", { className: "path", textContent: place(item) }),
      ),
      make("span", { className: "score" }),
    );
    link.dataset.id = String(item.id);
    const { judge } = this.calls;
    return make("li", {}, link, judge ? judging((mark) => judge(item.id, mark)) : null);
  }

  /**
   * @param {Element} line
   * @param {Hit} hit
   */
  #label(line, { item, score }) {
    const link = /** @type {HTMLAnchorElement} */ (line.firstElementChild);
    link.href = this.calls.href(item.id);
    const shown = /** @type {HTMLElement} */ (line.querySelector(".score"));
    shown.hidden = score === null;
    shown.textContent = score === null ? "" : words.score(score);
    shown.setAttribute("aria-label", `score ${shown.textContent}`);
    showMark(/** @type {HTMLElement} */ (line), this.calls.markOf?.(item.id) ?? null);
  }

  /** @param {number} index */
  #setCurrent(index) {
    this.element
      .querySelectorAll("a")
      .forEach((link, at) => (link.tabIndex = at === index ? 0 : -1));
    this.#current = index;
  }
}

/**
 * Returns where the words lead: "trips/day 1.mp4 at 1:23".
 * @param {import("./api.js").Item} item
 */
function place(item) {
  const shown = item.picture ?? item;
  const name = shown.member ? `${shown.path} (${words.entry(shown.member)})` : shown.path;
  return item.start_ms === null ? name : `${name} at ${words.clock(item.start_ms)}`;
}
