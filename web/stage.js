// @ts-check
// What is shown large in the detail view: a picture, a film, or words; and swiping over it.

import * as api from "./api.js";
import { atMs } from "./badge.js";
import { byId } from "./dom.js";
import { Motion } from "./motion.js";
import { Player, still } from "./player.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./player.js").Film} Film */

// A small original is enlarged so far and no further: beyond, it is only blur.
const ENLARGED = 3;
const SWIPE_PX = 48;
// The player's own controls are moved along, too.
const CONTROLS_PX = 96;
const USUAL = { width: 1024, height: 1024 };

export class Stage {
  /** The thumbnail of the next result. @type {string | null} */
  next = null;
  #shown = 0;

  /**
   * @param {object} calls
   * @param {(step: number) => void} calls.step
   * @param {() => void} calls.close
   * @param {() => boolean} calls.atTop  Whether a swipe down would not scroll.
   * @param {(at_ms: number) => void} calls.moved  Another time of a film is shown.
   */
  constructor(calls) {
    this.calls = calls;
    this.player = new Player(byId("frame"), calls.moved);
    this.motion = new Motion(byId("frame"));
    this.#swipe(byId("screen"));
  }

  /**
   * Shows the item, its picture or its film; the words where it has none.
   * @param {Item | null} item
   */
  show(item) {
    const picture = item && pictureOf(item);
    const text = picture ? null : (item?.text ?? null);
    byId("quote").hidden = text === null;
    byId("quote").textContent = text ?? "";
    byId("frame").hidden = !picture;
    if ((item?.id ?? 0) === this.#shown) return;
    this.#shown = item?.id ?? 0;
    this.motion.clear();
    const film = item && filmOf(item);
    if (film && film.id === this.player.film?.id) {
      this.player.jump(film.at_ms ?? 0);
      return;
    }
    this.player.stop();
    if (!picture || !item) return;
    this.#frame(picture);
    if (film) {
      this.player.show(film);
      return;
    }
    // New elements: a picture in an old one would stay until the next has come.
    const name = words.nameOf(picture);
    byId("frame").replaceChildren(...still(picture.thumbnail, name, () => this.#fetchNext()));
  }

  /** Ends what plays. */
  clear() {
    this.#shown = 0;
    this.motion.clear();
    this.player.stop();
    byId("frame").replaceChildren();
  }

  /** The next one is on its way while this one is looked at. */
  #fetchNext() {
    if (this.next) new Image().src = api.large(this.next);
  }

  /** @param {{width: number | null, height: number | null}} picture */
  #frame({ width, height }) {
    const wide = width ?? USUAL.width;
    byId("frame").style.setProperty("--ratio", String(wide / (height ?? USUAL.height)));
    byId("frame").style.setProperty("--most", `${wide * ENLARGED}px`);
  }

  /** @param {HTMLElement} screen */
  #swipe(screen) {
    /** @type {{x: number, y: number, atTop: boolean} | null} */
    let from = null;
    const quietly = { passive: true };
    /** @param {TouchEvent} event */
    const begin = ({ touches: [touch, second], target }) => {
      const video = /** @type {HTMLElement} */ (target).closest("video[controls]");
      const low = video && touch.clientY > video.getBoundingClientRect().bottom - CONTROLS_PX;
      const { clientX: x, clientY: y } = touch;
      from = second || low ? null : { x, y, atTop: this.calls.atTop() };
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
    screen.addEventListener("touchstart", begin, quietly);
    screen.addEventListener("touchend", end, quietly);
  }
}

/**
 * Returns what is to be seen of an item, if anything is.
 * @param {Item} item
 * @returns {{path: string, member: string | null, width: number | null, height: number | null,
 *   thumbnail: string} | null}
 */
export function pictureOf(item) {
  if (item.modality === "text") return item.picture;
  return item.thumbnail === null ? null : { ...item, thumbnail: item.thumbnail };
}

/**
 * Returns the film that an item is, is part of or is said in, if any.
 * @param {Item} item
 * @returns {Film | null}
 */
export function filmOf(item) {
  const { picture } = item;
  const said = item.modality === "text" && picture?.modality === "video";
  const id = said ? picture.id : item.modality === "video" ? item.id : item.film;
  const shown = said ? picture : item;
  if (id === null || shown.thumbnail === null) return null;
  const at_ms = atMs(item);
  const { path, width, height, kind, thumbnail } = shown;
  const when = at_ms === null ? "" : ` at ${words.spoken(at_ms)}`;
  const title = words.nameOf(shown) + when;
  return { id, path, plays: kind === "video", width, height, at_ms, thumbnail, title };
}
