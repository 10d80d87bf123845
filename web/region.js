// @ts-check
// A part of a picture to search by: drawn over it with a pointer, or moved and sized with keys.

import { byId, icon, make } from "./dom.js";

/** @typedef {{left: number, top: number, width: number, height: number}} Region */

const STEP = 0.04;
// The service refuses smaller ones, and so little shows nothing.
const SMALLEST = 0.05;
/** @type {Region} */
const MIDDLE = { left: 0.25, top: 0.25, width: 0.5, height: 0.5 };
const HOW = "Draw a box around it, or move it with the arrow keys, and size it with Shift";

export class RegionPicker {
  /** @type {HTMLElement | null} */
  #veil = null;
  /** @type {Region} */
  #region = MIDDLE;

  /** @param {(region: Region) => void} chosen */
  constructor(chosen) {
    this.chosen = chosen;
  }

  /** Puts a box over the picture that is shown. */
  open() {
    this.close();
    const box = make("div", {
      className: "region",
      tabIndex: 0,
      role: "application",
      "aria-label": `Part of the picture. ${HOW}. Enter searches, Escape ends.`,
    });
    const search = make("button", { type: "button", className: "action main" }, icon("search"));
    search.append("Search this part");
    search.addEventListener("click", () => this.#choose());
    const hint = make("p", { className: "region-hint", textContent: HOW, "aria-hidden": "true" });
    this.#veil = make("div", { className: "region-veil" }, box, hint, search);
    this.#veil?.addEventListener("pointerdown", (event) => this.#draw(event));
    // Drawing is no swiping.
    for (const name of ["touchstart", "touchend"]) {
      this.#veil?.addEventListener(name, (event) => event.stopPropagation(), { passive: true });
    }
    this.#veil?.addEventListener("keydown", (event) => this.#key(event));
    byId("frame").append(this.#veil);
    this.#set(MIDDLE);
    box.focus();
  }

  /** Takes the box away; returns whether there was one. */
  close() {
    const veil = this.#veil;
    this.#veil = null;
    if (veil?.contains(document.activeElement)) byId("detail-title").focus();
    veil?.remove();
    return veil !== null;
  }

  #choose() {
    const region = this.#region;
    this.close();
    this.chosen(region);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape") {
      this.close();
    } else if (event.key === "Enter" && event.target !== this.#veil?.querySelector("button")) {
      this.#choose();
    } else {
      const across = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key] ?? 0;
      const down = { ArrowUp: -STEP, ArrowDown: STEP }[event.key] ?? 0;
      if (!across && !down) return;
      const { left, top, width, height } = this.#region;
      if (event.shiftKey) this.#set({ left, top, width: width + across, height: height + down });
      else this.#set({ left: left + across, top: top + down, width, height });
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {PointerEvent} begin */
  #draw(begin) {
    const veil = this.#veil;
    if (!veil || begin.button || /** @type {HTMLElement} */ (begin.target).closest("button")) return;
    begin.preventDefault();
    const { left, top, width, height } = veil.getBoundingClientRect();
    /** @param {PointerEvent} event @returns {[number, number]} */
    const at = ({ clientX, clientY }) => [inside((clientX - left) / width), inside((clientY - top) / height)];
    const [x, y] = at(begin);
    /** @param {PointerEvent} event */
    const drawn = (event) => {
      const [toX, toY] = at(event);
      const across = Math.abs(toX - x);
      const down = Math.abs(toY - y);
      // A click that hardly moves is none.
      if (Math.max(across, down) < SMALLEST) return;
      this.#set({ left: Math.min(x, toX), top: Math.min(y, toY), width: across, height: down });
    };
    veil.setPointerCapture(begin.pointerId);
    veil.addEventListener("pointermove", drawn);
    const end = () => veil.removeEventListener("pointermove", drawn);
    veil.addEventListener("pointerup", end, { once: true });
    veil.addEventListener("pointercancel", end, { once: true });
    /** @type {HTMLElement} */ (veil.firstElementChild).focus();
  }

  /** @param {Region} wanted */
  #set(wanted) {
    const width = Math.min(1, Math.max(SMALLEST, wanted.width));
    const height = Math.min(1, Math.max(SMALLEST, wanted.height));
    const left = Math.min(1 - width, Math.max(0, wanted.left));
    const top = Math.min(1 - height, Math.max(0, wanted.top));
    this.#region = { left, top, width, height };
    const box = /** @type {HTMLElement} */ (this.#veil?.firstElementChild);
    for (const [side, share] of Object.entries(this.#region)) {
      box.style.setProperty(side, `${100 * share}%`);
    }
  }
}

/**
 * Returns the term that looks for a part of an item's picture.
 * @param {number} id
 * @param {Region} region
 */
export function likePart(id, { left, top, width, height }) {
  // What is rounded must not pass the edge.
  const [l, t] = [left, top].map((share) => Math.round(share * 1000) / 1000);
  const w = Math.min(Math.round(width * 1000) / 1000, floored(1 - l));
  const h = Math.min(Math.round(height * 1000) / 1000, floored(1 - t));
  return `like:${id}@${l},${t},${w},${h}`;
}

/** @param {number} share */
const floored = (share) => Math.floor(share * 1000 + 1e-6) / 1000;

/** @param {number} share */
const inside = (share) => Math.min(1, Math.max(0, share));
