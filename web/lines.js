// @ts-check
// The captions in the detail view: of a picture, or what is said in a film and when.

import { byId, make } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Item} Item */

export class Lines {
  /** @type {Item[]} */
  #captions = [];
  #at_ms = 0;

  /** @param {(at_ms: number) => void} jump */
  constructor(jump) {
    /** @type {HTMLElement} */
    this.list = byId("caption-lines");
    this.list.addEventListener("click", (event) => {
      const line = /** @type {HTMLElement} */ (event.target).closest("button");
      if (line) jump(Number(line.dataset.at));
    });
  }

  clear() {
    this.#captions = [];
    byId("detail-captions").hidden = true;
  }

  /**
   * @param {Item[]} captions
   * @param {number} id  The item that is shown: perhaps one of them.
   */
  show(captions, id) {
    this.#captions = captions;
    byId("detail-captions").hidden = !captions.length;
    this.list.replaceChildren(
      ...captions.map((caption) => {
        const line = caption.start_ms === null ? plain(caption) : timed(caption);
        if (caption.id === id) line.setAttribute("aria-current", "true");
        return line;
      }),
    );
    this.mark(this.#at_ms);
    const own = this.list.querySelector("[aria-current]");
    if (own) this.#reveal(/** @type {HTMLElement} */ (own));
  }

  /**
   * Marks what is said at this time of the film.
   * @param {number} at_ms
   */
  mark(at_ms) {
    this.#at_ms = at_ms;
    this.#captions.forEach(({ start_ms, end_ms }, index) => {
      if (start_ms === null || end_ms === null) return;
      const line = /** @type {HTMLElement} */ (this.list.children[index]);
      const said = start_ms <= at_ms && at_ms < end_ms;
      if (said && !line.classList.contains("said")) this.#reveal(line);
      line.classList.toggle("said", said);
    });
  }

  /**
   * Scrolls the list, and nothing else.
   * @param {HTMLElement} line
   */
  #reveal(line) {
    const top = line.offsetTop - this.list.offsetTop;
    const bottom = top + line.offsetHeight;
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop || bottom > scrollTop + clientHeight) {
      this.list.scrollTop = top - clientHeight / 3;
    }
  }
}

/** @param {Item} caption */
function plain(caption) {
  const from = caption.origin ? words.origin(caption.origin) : "";
  return make(
    "li",
    {},
    caption.text ?? "",
    from ? make("span", { className: "origin", textContent: from }) : null,
  );
}

/** @param {Item} caption */
function timed(caption) {
  const start = caption.start_ms ?? 0;
  const line = make(
    "button",
    { type: "button", title: `Jump to ${words.clock(start)}` },
    make("span", { className: "when", textContent: words.clock(start) }),
    make("span", { textContent: caption.text ?? "" }),
  );
  line.dataset.at = String(start);
  return make("li", { className: "timed" }, line);
}
