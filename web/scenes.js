// @ts-check
// A film as the search sees it: a curve over its time, and the scenes where it is to be seen.

import { byId, make } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Scene} Scene */
/** @typedef {import("./api.js").Scored} Scored */

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 100;
const LOWEST = 8;

export class Scenes {
  /** @type {Scene[]} */
  #scenes = [];
  #length_ms = 0;
  #at_ms = 0;
  /** What the curve is of. */
  #key = "";

  /** @param {(at_ms: number) => void} jump */
  constructor(jump) {
    this.jump = jump;
    this.box = byId("scenes");
    this.now = make("span", { className: "now" });
  }

  /**
   * Keeps the place for the curve of a film, or gives it up.
   * @param {number | null} film
   * @param {string} q  What is looked for in it.
   */
  keep(film, q) {
    const wanted = film !== null && q !== "";
    byId("stage").classList.toggle("searched", wanted);
    this.box.hidden = !wanted;
    if (wanted && this.has(film, q)) return;
    this.#scenes = [];
    this.#key = "";
    this.box.replaceChildren();
  }

  /**
   * Returns whether the curve of this film for this search is there.
   * @param {number} film
   * @param {string} q
   */
  has(film, q) {
    return this.#key === `${film} ${q}`;
  }

  /**
   * @param {number} film
   * @param {string} q
   * @param {{moments: Scored[], scenes: Scene[]}} line
   */
  show(film, q, { moments, scenes }) {
    this.#key = `${film} ${q}`;
    this.#length_ms = Math.max(1, ...moments.map(({ end_ms }) => end_ms));
    this.#scenes = scenes;
    this.box.replaceChildren(
      this.#curve(moments),
      ...scenes.map((scene, index) => this.#scene(scene, index)),
      this.now,
    );
    this.mark(this.#at_ms);
  }

  /**
   * Marks where in the film one is.
   * @param {number} at_ms
   */
  mark(at_ms) {
    this.#at_ms = at_ms;
    if (!this.#length_ms) return;
    this.now.style.left = this.#share(Math.min(at_ms, this.#length_ms));
    [...this.box.querySelectorAll("button")].forEach((button, index) => {
      const { start_ms, end_ms } = this.#scenes[index];
      button.classList.toggle("here", start_ms <= at_ms && at_ms < end_ms);
    });
  }

  /**
   * Goes to a scene, the best one being 0; returns whether there is one.
   * @param {number} index
   */
  go(index) {
    const scene = this.#scenes[index];
    if (!scene) return false;
    this.jump(scene.best_ms);
    return true;
  }

  /** @param {number} ms */
  #share(ms) {
    return `${(100 * ms) / this.#length_ms}%`;
  }

  /** @param {Scored[]} moments */
  #curve(moments) {
    const values = moments.map(({ smooth }) => smooth);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${this.#length_ms} ${HEIGHT}`);
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    const steps = moments.map(({ start_ms, end_ms, smooth }) => {
      const share = high > low ? (smooth - low) / (high - low) : 1;
      const top = HEIGHT - LOWEST - share * (HEIGHT - 2 * LOWEST);
      return `M${start_ms} ${HEIGHT}V${top}H${end_ms}V${HEIGHT}Z`;
    });
    path.setAttribute("d", steps.join(""));
    drawing.append(path);
    return drawing;
  }

  /**
   * @param {Scene} scene
   * @param {number} index
   */
  #scene({ start_ms, end_ms, best_ms }, index) {
    const number = String(index + 1);
    const span = `${words.clock(start_ms)} – ${words.clock(end_ms)}`;
    const button = make("button", {
      type: "button",
      title: `${span}, best at ${words.clock(best_ms)} (${number})`,
      "aria-label": `Scene ${number}: from ${words.spoken(start_ms)} to ${words.spoken(end_ms)}`,
      "aria-keyshortcuts": number,
    });
    button.append(make("span", { textContent: number }));
    button.style.left = this.#share(start_ms);
    button.style.width = this.#share(end_ms - start_ms);
    button.addEventListener("click", () => this.jump(best_ms));
    return button;
  }
}
