// @ts-check
// A film in the detail view: the browser's own player, or still pictures where it cannot play it.

import * as api from "./api.js";
import { byId, fadeIn, make } from "./dom.js";

/**
 * @typedef {object} Film
 * @property {number} id
 * @property {string} path
 * @property {boolean} plays  Whether a browser may have a player for it: an animation is a picture.
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} at_ms  Where to begin; null for the film as a whole.
 * @property {string} thumbnail  What is to be seen there.
 * @property {string} title
 */

// A seek that ends so near is where it was meant to go.
const NEAR_S = 0.25;

/**
 * Returns where to seek for what is shown at a time. Times of frames are cut to milliseconds, so a
 * frame's own time may still show the frame before; a millisecond later does not.
 * @param {number} at_ms
 */
const seconds = (at_ms) => (at_ms ? (at_ms + 1) / 1000 : 0);

const UNKNOWN = "This browser cannot play films of this kind.";
const BROKEN = "This browser cannot go on playing this film.";
const WAY_OUT = "“Open original” gets the film for another program.";

export class Player {
  /** @type {Film | null} */
  #film = null;
  /** @type {HTMLVideoElement | null} */
  #video = null;
  #at_ms = 0;
  #careful = false;

  /**
   * @param {HTMLElement} frame
   * @param {(at_ms: number) => void} moved  Something else of the film is shown now.
   */
  constructor(frame, moved) {
    this.frame = frame;
    this.moved = moved;
  }

  /** The film that is shown. */
  get film() {
    return this.#film;
  }

  /**
   * Shows the film where it is to begin; it plays when the visitor says so.
   * @param {Film} film
   */
  show(film) {
    this.stop();
    this.#film = film;
    this.#at_ms = film.at_ms ?? 0;
    if (film.plays) this.#play(film);
    else this.#still(film.thumbnail);
    this.moved(this.#at_ms);
  }

  /**
   * Goes to another time of the film; a film that plays goes on playing there.
   * @param {number} at_ms
   */
  jump(at_ms) {
    const film = this.#film;
    if (!film) return;
    this.#at_ms = at_ms;
    if (this.#video) this.#video.currentTime = seconds(at_ms);
    else this.#still(api.shownAt(film.id, at_ms));
    this.moved(at_ms);
  }

  /** Ends all sound, and what is still being loaded. */
  stop() {
    const video = this.#video;
    this.#film = this.#video = null;
    this.#say("");
    if (!video) return;
    video.pause();
    video.removeAttribute("src");
    video.load();
    video.remove();
  }

  /**
   * Shows the browser's player. Some films can be decoded from the middle only by a decoder that has
   * seen their beginning: `careful` shows it that first.
   * @param {Film} film
   * @param {boolean} [careful]
   */
  #play(film, careful = false) {
    this.#careful = careful;
    const begins = careful ? "" : `#t=${seconds(this.#at_ms)}`;
    const video = make("video", {
      controls: true,
      playsInline: true,
      preload: careful ? "auto" : "metadata",
      poster: api.large(film.thumbnail),
      src: api.original(film.id) + begins,
      "aria-label": film.title,
    });
    this.#video = video;
    const small = make("img", { id: "small", alt: "", draggable: false, src: film.thumbnail });
    this.frame.replaceChildren(small, video);
    video.addEventListener(careful ? "loadeddata" : "loadedmetadata", () => {
      // What is sound alone to this browser is a film that it cannot show.
      if (!video.videoWidth) this.#fail(film, video);
      else if (Math.abs(video.currentTime - seconds(this.#at_ms)) > NEAR_S) {
        video.currentTime = seconds(this.#at_ms);
      }
    });
    video.addEventListener("playing", () => small.remove(), { once: true });
    video.addEventListener("timeupdate", () => {
      if (video === this.#video && !video.seeking) this.moved(video.currentTime * 1000);
    });
    video.addEventListener("error", () => this.#fail(film, video));
  }

  /**
   * @param {Film} film
   * @param {HTMLVideoElement} video
   */
  async #fail(film, video) {
    if (video !== this.#video) return;
    const begun = video.error?.code === MediaError.MEDIA_ERR_DECODE;
    this.#video = null;
    if (video.played.length) this.#at_ms = video.currentTime * 1000;
    video.removeAttribute("src");
    if (begun && !this.#careful) {
      this.#play(film, true);
      return;
    }
    this.#still(api.shownAt(film.id, this.#at_ms));
    const reason = await api.whyNot(api.original(film.id));
    if (film !== this.#film) return;
    this.#say(reason ?? `${begun ? BROKEN : UNKNOWN} Its moments are shown as pictures. ${WAY_OUT}`);
  }

  /** @param {string} thumbnail */
  #still(thumbnail) {
    this.frame.replaceChildren(...still(thumbnail, this.#film?.title ?? ""));
  }

  /** @param {string} text */
  #say(text) {
    byId("player-note").textContent = text;
    byId("player-note").hidden = !text;
  }
}

/**
 * Returns the small preview, and over it the large one as soon as it is there.
 * @param {string} thumbnail
 * @param {string} alt
 * @param {() => void} [loaded]
 */
export function still(thumbnail, alt, loaded) {
  const small = make("img", { id: "small", alt: "", draggable: false, src: thumbnail });
  const large = make("img", { id: "large", alt, draggable: false });
  if (loaded) large.onload = loaded;
  large.src = api.large(thumbnail);
  fadeIn(large);
  return [small, large];
}
