// @ts-check
// Pictures in justified rows. Every tile has its place before its picture is loaded.

import { badge } from "./badge.js";
import { fadeIn, isPlain, make } from "./dom.js";
import { justify, moved, rowHeight } from "./layout.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./layout.js").Box} Box */

// The first rows are what a visitor waits for; the rest loads when it comes near.
const EAGER = 12;

export class Grid {
  /** @type {Map<number, HTMLLIElement>} */
  #tiles = new Map();
  /** @type {Hit[]} */
  #hits = [];
  /** @type {Box[]} */
  #boxes = [];
  #width = 0;
  #current = 0;

  /**
   * @param {HTMLElement} element
   * @param {object} calls
   * @param {(id: number) => void} calls.open  A tile was chosen.
   * @param {(id: number) => string} calls.href  The address of an item among these results.
   * @param {() => void} calls.leave  The way up from the first row.
   * @param {number} [maxRows]
   */
  constructor(element, { open, href, leave }, maxRows) {
    this.element = element;
    this.href = href;
    this.maxRows = maxRows;
    element.addEventListener("click", (event) => {
      const tile = /** @type {HTMLElement} */ (event.target).closest("a");
      if (!tile || !isPlain(event)) return;
      event.preventDefault();
      open(Number(tile.dataset.id));
    });
    element.addEventListener("keydown", (event) => {
      const arrow = /^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key);
      if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const to = moved(this.#boxes, this.#current, event.key);
      if (to < 0) leave();
      else this.focus(to);
    });
    element.addEventListener("focusin", (event) => {
      const tile = /** @type {HTMLElement} */ (event.target).closest("li");
      if (tile) this.#setCurrent([...element.children].indexOf(tile));
    });
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width && width !== this.#width) this.#lay(width);
    }).observe(element);
  }

  /**
   * Shows these hits; pictures that were shown before are kept, not loaded again.
   * @param {Hit[]} hits
   */
  show(hits) {
    const before = this.#tiles;
    this.#hits = hits;
    this.#tiles = new Map();
    hits.forEach((hit, index) => {
      const tile = before.get(hit.item.id) ?? this.#make(hit, index);
      this.#label(tile, hit);
      this.#tiles.set(hit.item.id, tile);
    });
    for (const [id, tile] of before) if (!this.#tiles.has(id)) tile.remove();
    [...this.#tiles.values()].forEach((tile, index) => {
      const there = this.element.children[index];
      if (there !== tile) this.element.insertBefore(tile, there ?? null);
    });
    this.#setCurrent(Math.min(this.#current, Math.max(0, hits.length - 1)));
    const width = Math.floor(this.element.clientWidth);
    if (width) this.#lay(width);
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
    const tile = this.element.children[index]?.querySelector("a");
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
    const ratios = this.#hits.map(({ item }) => (item.width ?? 1) / (item.height ?? 1));
    const wanted = { height: rowHeight(width), gap: width < 600 ? 4 : 8, maxRows: this.maxRows };
    const { boxes, height } = justify(ratios, width, wanted);
    this.#boxes = boxes;
    this.element.style.height = `${height}px`;
    [...this.#tiles.values()].forEach((tile, index) => {
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
   * @param {Hit} hit
   * @param {number} index
   */
  #make({ item }, index) {
    const image = make("img", {
      alt: "",
      decoding: "async",
      loading: index < EAGER ? "eager" : "lazy",
      width: item.width ?? 1,
      height: item.height ?? 1,
      draggable: false,
      src: item.thumbnail,
    });
    fadeIn(image);
    image.addEventListener("error", () => image.closest("li")?.classList.add("gone"));
    const name = make("span", { className: "name", textContent: words.nameOf(item) });
    const score = make("span", { className: "score" });
    const label = make("span", { className: "label", "aria-hidden": "true" }, name, score);
    const link = make("a", { tabIndex: -1, draggable: false }, image, badge(item), label);
    link.dataset.id = String(item.id);
    return make("li", { className: item.modality === "video" ? "tile film" : "tile" }, link);
  }

  /**
   * @param {HTMLLIElement} tile
   * @param {Hit} hit
   */
  #label(tile, { item, score }) {
    const link = /** @type {HTMLAnchorElement} */ (tile.firstElementChild);
    link.href = this.href(item.id);
    link.setAttribute("aria-label", `${words.title(item)}, score ${words.score(score)}`);
    /** @type {any} */ (tile.querySelector(".score")).textContent = words.score(score);
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
