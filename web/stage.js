// @ts-check
// The large picture of the detail view: its frame, what is loaded when, and swiping.

import * as api from "./api.js";
import { byId, fadeIn, make } from "./dom.js";
import * as words from "./words.js";

// A small original is enlarged so far and no further: beyond, it is only blur.
const ENLARGED = 3;
const SWIPE_PX = 48;

export class Stage {
  /** The thumbnail of the next result. @type {string | null} */
  next = null;
  #shown = 0;

  /**
   * @param {object} calls
   * @param {(step: number) => void} calls.step
   * @param {() => void} calls.close
   * @param {() => boolean} calls.atTop  Whether a swipe down would not scroll.
   */
  constructor(calls) {
    this.calls = calls;
    this.#swipe(byId("stage"));
  }

  /**
   * Shows the picture, or the words where there is none; the small preview until the large is there.
   * @param {api.Picture | null} picture
   * @param {string | null} [text]
   */
  show(picture, text = null) {
    byId("quote").hidden = text === null;
    byId("quote").textContent = text ?? "";
    byId("frame").hidden = !picture;
    if (picture?.id === this.#shown) return;
    this.#shown = picture?.id ?? 0;
    if (picture) this.#frame(picture, byId("frame"));
  }

  /**
   * @param {api.Picture} picture
   * @param {HTMLElement} frame
   */
  #frame(picture, frame) {
    const width = picture.width ?? 1024;
    const height = picture.height ?? 1024;
    frame.style.setProperty("--ratio", String(width / height));
    frame.style.setProperty("--most", `${width * ENLARGED}px`);
    // New elements: a picture in an old one would stay until the next has come.
    const small = make("img", { id: "small", alt: "", draggable: false, src: picture.thumbnail });
    const large = make("img", { id: "large", draggable: false });
    large.alt = words.fileName(picture.path);
    large.onload = () => {
      // The next one is on its way while this one is looked at.
      if (this.next) new Image().src = api.large(this.next);
    };
    large.src = api.large(picture.thumbnail);
    fadeIn(large);
    frame.replaceChildren(small, large);
  }

  /** @param {HTMLElement} stage */
  #swipe(stage) {
    /** @type {{x: number, y: number, atTop: boolean} | null} */
    let from = null;
    const quietly = { passive: true };
    /** @param {TouchEvent} event */
    const begin = ({ touches: [touch, second] }) => {
      from = second ? null : { x: touch.clientX, y: touch.clientY, atTop: this.calls.atTop() };
    };
    /** @param {TouchEvent} event */
    const end = ({ changedTouches: [touch] }) => {
      // A zoomed page is being moved about, not leafed through.
      if (!from || (window.visualViewport?.scale ?? 1) > 1.05) return;
      const across = touch.clientX - from.x;
      const down = touch.clientY - from.y;
      const { atTop } = from;
      from = null;
      if (Math.abs(across) > SWIPE_PX && Math.abs(across) > 1.5 * Math.abs(down)) {
        this.calls.step(across < 0 ? 1 : -1);
      } else if (atTop && down > 2 * SWIPE_PX && down > 1.5 * Math.abs(across)) {
        this.calls.close();
      }
    };
    stage.addEventListener("touchstart", begin, quietly);
    stage.addEventListener("touchend", end, quietly);
  }
}
