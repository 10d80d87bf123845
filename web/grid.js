// @ts-check
// Pictures in justified rows. Every tile has its place before its picture is loaded.

import { isPlain, make } from "./dom.js";
import { justify, moved, rowHeight } from "./layout.js";
import { markOfKey } from "./marks.js";
import { labelTile, makeTile, ratioOf } from "./tile.js";
import { DIVIDER } from "./worth.js";

/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./layout.js").Box} Box */
/** @typedef {import("./tile.js").Calls} Calls */

// The first rows are what a visitor waits for; the rest loads when it comes near.
const EAGER = 12;

// Below what is likely, and above what is less so.
const DIVIDER_PX = 58;

export class Grid {
  /** @type {Map<number, HTMLLIElement>} */
  #tiles = new Map();
  /** The tiles in order. @type {HTMLLIElement[]} */
  #order = [];
  /** @type {Hit[]} */
  #hits = [];
  /** @type {Box[]} */
  #boxes = [];
  #width = 0;
  #current = 0;
  /** Before which hit the divider stands. @type {number | null} */
  #divided = null;

  /**
   * @param {HTMLElement} element
   * @param {Calls} calls
   * @param {number} [maxRows]
   */
  constructor(element, calls, maxRows) {
    this.element = element;
    this.calls = calls;
    this.maxRows = maxRows;
    this.divider = make("li", { className: "divider", textContent: DIVIDER });
    element.addEventListener("click", (event) => {
      const tile = /** @type {HTMLElement} */ (event.target).closest("a");
      if (!tile || !isPlain(event)) return;
      event.preventDefault();
      calls.open(Number(tile.dataset.id));
    });
    element.addEventListener("keydown", (event) => {
      const mark = markOfKey(event);
      if (mark && calls.judge && this.#hits[this.#current]) {
        event.preventDefault();
        calls.judge(this.#hits[this.#current].item.id, mark);
        return;
      }
      const arrow = /^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key);
      if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const to = moved(this.#boxes, this.#current, event.key);
      if (to < 0) calls.leave();
      else this.focus(to);
    });
    element.addEventListener("focusin", (event) => {
      const tile = /** @type {HTMLElement} */ (event.target).closest("li");
      if (tile) this.#setCurrent(this.#order.indexOf(tile));
    });
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width && width !== this.#width) this.#lay(width);
    }).observe(element);
  }

  /**
   * Shows these hits; pictures that were shown before are kept, not loaded again.
   * @param {Hit[]} hits
   * @param {number | null} [divided]  Before which hit the less likely ones begin.
   */
  show(hits, divided = null) {
    const before = this.#tiles;
    this.#hits = hits;
    this.#divided = divided;
    this.#tiles = new Map();
    this.#order = hits.map((hit, index) => {
      const tile = before.get(hit.item.id) ?? makeTile(hit, index < EAGER, this.calls);
      this.#tiles.set(hit.item.id, tile);
      return tile;
    });
    this.label();
    for (const [id, tile] of before) if (!this.#tiles.has(id)) tile.remove();
    if (divided === null) this.divider.remove();
    const lines =
      divided === null ? this.#order : this.#order.toSpliced(divided, 0, this.divider);
    lines.forEach((line, index) => {
      const there = this.element.children[index];
      if (there !== line) this.element.insertBefore(line, there ?? null);
    });
    this.#setCurrent(Math.min(this.#current, Math.max(0, hits.length - 1)));
    const width = Math.floor(this.element.clientWidth);
    if (width) this.#lay(width);
  }

  /** Says on each tile what has changed: marks, favourites, addresses. */
  label() {
    this.#hits.forEach((hit, index) => labelTile(this.#order[index], hit, this.calls));
  }

  /** Makes the first tile the one that Tab reaches. */
  rewind() {
    this.#setCurrent(0);
  }

  /**
   * @param {number} index
   * @param {FocusOptions} [how]
   */
  focus(index, how) {
    const tile = this.#order[index]?.querySelector("a");
    if (!tile) return;
    tile.focus({ preventScroll: true, ...how });
    if (!how?.preventScroll) tile.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} id */
  focusItem(id) {
    this.focus(this.#hits.findIndex((hit) => hit.item.id === id));
  }

  /** @param {number} width */
  #lay(width) {
    this.#width = width;
    const { boxes, height } = this.#placed(width);
    this.#boxes = boxes;
    this.element.style.height = `${height}px`;
    this.#order.forEach((tile, index) => {
      const box = boxes[index];
      tile.hidden = !box;
      if (!box) return;
      Object.assign(tile.style, {
        transform: `translate(${box.left}px, ${box.top}px)`,
        width: `${box.width}px`,
        height: `${box.height}px`,
      });
    });
  }

  /**
   * Returns the boxes of all tiles; what is less likely begins in a row of its own.
   * @param {number} width
   */
  #placed(width) {
    const ratios = this.#hits.map(({ item }) => ratioOf(item));
    const wanted = { height: rowHeight(width), gap: width < 600 ? 4 : 8, maxRows: this.maxRows };
    if (this.#divided === null) return justify(ratios, width, wanted);
    const likely = justify(ratios.slice(0, this.#divided), width, wanted);
    const others = justify(ratios.slice(this.#divided), width, wanted);
    const down = likely.height + DIVIDER_PX;
    const rows = (likely.boxes.at(-1)?.row ?? -1) + 1;
    this.divider.style.transform = `translateY(${likely.height}px)`;
    this.divider.style.height = `${DIVIDER_PX}px`;
    const boxes = others.boxes.map((box) => ({ ...box, top: box.top + down, row: box.row + rows }));
    return { boxes: [...likely.boxes, ...boxes], height: down + others.height };
  }

  /** @param {number} index */
  #setCurrent(index) {
    const links = this.element.querySelectorAll("a");
    if (links[this.#current]) links[this.#current].tabIndex = -1;
    links.forEach((link) => (link.tabIndex = -1));
    if (links[index]) links[index].tabIndex = 0;
    this.#current = index;
  }
}
