// @ts-check
// The moments of a film side by side: where in it one is, and the way to any other of them.

import { byId, fadeIn, make } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Moment} Moment */

const NARROWEST = 0.75;
const WIDEST = 1.9;

export class Reel {
  /** @type {Moment[]} */
  #moments = [];
  #current = -1;
  #at_ms = 0;

  /** @param {(at_ms: number) => void} jump */
  constructor(jump) {
    this.jump = jump;
    /** @type {HTMLElement} */
    this.strip = byId("strip");
    this.strip.addEventListener("click", (event) => {
      const tile = /** @type {HTMLElement} */ (event.target).closest("button");
      if (tile) this.#go(Number(tile.dataset.index));
    });
    this.strip.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const tile = /** @type {HTMLElement} */ (event.target).closest("button");
      const last = this.#moments.length - 1;
      const here = Number(tile?.dataset.index ?? 0);
      const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      if (to >= 0 && to <= last) this.#go(to);
    });
  }

  /**
   * Keeps the place for the moments of a film of this shape, or gives it up.
   * @param {number | null} ratio  Width by height.
   */
  keep(ratio) {
    this.#moments = [];
    this.#current = -1;
    byId("reel").hidden = ratio === null;
    byId("stage").classList.toggle("film", ratio !== null);
    this.strip.replaceChildren();
    this.strip.scrollLeft = 0;
    if (ratio === null) return;
    const shape = Math.min(WIDEST, Math.max(NARROWEST, ratio));
    this.strip.style.setProperty("--tile", String(shape));
  }

  /** @param {Moment[]} moments */
  show(moments) {
    if (moments.length === this.#moments.length && moments[0]?.id === this.#moments[0]?.id) return;
    this.#moments = moments;
    this.#current = -1;
    this.strip.replaceChildren(...moments.map((moment, index) => tileOf(moment, index)));
    this.mark(this.#at_ms);
  }

  /**
   * Marks the moment that holds this time.
   * @param {number} at_ms
   */
  mark(at_ms) {
    this.#at_ms = at_ms;
    if (!this.#moments.length) return;
    const after = this.#moments.findIndex((moment) => moment.start_ms > at_ms);
    const now = Math.max(0, (after < 0 ? this.#moments.length : after) - 1);
    if (now === this.#current) return;
    const tiles = this.strip.querySelectorAll("button");
    tiles.forEach((tile, index) => {
      tile.tabIndex = index === now ? 0 : -1;
      if (index === now) tile.setAttribute("aria-current", "true");
      else tile.removeAttribute("aria-current");
    });
    this.#current = now;
    this.#reveal(tiles[now]);
  }

  /** @param {number} index */
  #go(index) {
    const tile = this.strip.querySelectorAll("button")[index];
    tile.focus({ preventScroll: true });
    this.jump(this.#moments[index].best_ms);
    this.#reveal(tile);
  }

  /**
   * Scrolls the strip, and nothing else, so that the tile and its neighbours are seen.
   * @param {HTMLElement} tile
   */
  #reveal(tile) {
    const left = tile.offsetLeft - this.strip.offsetLeft;
    const middle = left - (this.strip.clientWidth - tile.offsetWidth) / 2;
    const seen = this.strip.scrollLeft;
    const margin = tile.offsetWidth;
    const inside =
      left - margin >= seen && left + 2 * margin <= seen + this.strip.clientWidth;
    if (!inside) this.strip.scrollTo({ left: middle });
  }
}

/**
 * @param {Moment} moment
 * @param {number} index
 */
function tileOf(moment, index) {
  const image = make("img", { alt: "", decoding: "async", draggable: false, loading: "lazy" });
  image.src = moment.thumbnail;
  fadeIn(image);
  const time = make("span", { textContent: words.clock(moment.best_ms), "aria-hidden": "true" });
  const tile = make(
    "button",
    {
      type: "button",
      tabIndex: -1,
      title: `Jump to ${words.clock(moment.best_ms)}`,
      "aria-label": `Jump to ${words.spoken(moment.best_ms)}`,
    },
    make("span", { className: "tile-picture" }, image),
    time,
  );
  tile.dataset.index = String(index);
  return make("li", {}, tile);
}
