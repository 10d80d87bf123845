// @ts-check
// Captions as a list to read, each with its picture where the library has it.

import { badge } from "./badge.js";
import { fadeIn, icon, isPlain, make } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Hit} Hit */

export class CaptionList {
  /** @type {Hit[]} */
  #hits = [];
  #current = 0;

  /**
   * @param {HTMLElement} element
   * @param {object} calls
   * @param {(id: number) => void} calls.open
   * @param {(id: number) => string} calls.href
   * @param {() => void} calls.leave
   */
  constructor(element, { open, href, leave }) {
    this.element = element;
    this.href = href;
    element.addEventListener("click", (event) => {
      const line = /** @type {HTMLElement} */ (event.target).closest("a");
      if (!line || !isPlain(event)) return;
      event.preventDefault();
      open(Number(line.dataset.id));
    });
    element.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
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
      if (to < 0) leave();
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
    hits.forEach((hit, index) => this.#label(this.element.children[index], hit));
    this.#setCurrent(Math.min(this.#current, Math.max(0, hits.length - 1)));
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
    return make("li", {}, link);
  }

  /**
   * @param {Element} line
   * @param {Hit} hit
   */
  #label(line, { item, score }) {
    const link = /** @type {HTMLAnchorElement} */ (line.firstElementChild);
    link.href = this.href(item.id);
    const shown = /** @type {HTMLElement} */ (line.querySelector(".score"));
    shown.textContent = words.score(score);
    shown.setAttribute("aria-label", `score ${words.score(score)}`);
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
