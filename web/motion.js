// @ts-check
// The moving part of a picture in the detail view: shown in place of the still while it plays.

import * as api from "./api.js";
import { live } from "./badge.js";
import { byId, icon, make } from "./dom.js";

const UNKNOWN = "This browser cannot play the moving part of this picture, so the still stays. ";
const WAY_OUT = "Get the film for another program";

export class Motion {
  /** @type {string | null} */
  #address = null;
  #title = "";
  /** @type {HTMLButtonElement | null} */
  #button = null;
  /** @type {HTMLVideoElement | null} */
  #video = null;

  /** @param {HTMLElement} frame  Where the still is. */
  constructor(frame) {
    this.frame = frame;
  }

  /**
   * Offers the film over the still that is shown; it plays when the visitor says so.
   * @param {string | null} address  Null where there is none.
   * @param {string} title
   */
  offer(address, title) {
    if (address === this.#address) return;
    this.clear();
    if (address === null) return;
    this.#address = address;
    this.#title = title;
    this.#button = make("button", { type: "button", className: "motion" });
    this.#button?.addEventListener("click", () => (this.#video ? this.#stop() : this.#play()));
    this.#label();
    this.frame.append(live(), this.#button ?? "");
  }

  /** Ends what plays, and offers nothing. */
  clear() {
    this.#address = null;
    this.#say(null);
    this.#stop();
    this.#take();
    this.frame.querySelector(".badge")?.remove();
  }

  #play() {
    const video = make("video", {
      muted: true,
      playsInline: true,
      disablePictureInPicture: true,
      disableRemotePlayback: true,
      "aria-label": `${this.#title}, moving`,
    });
    this.#video = video;
    const failed = () => this.#fail(video);
    video.addEventListener("error", failed);
    video.addEventListener("loadedmetadata", () => {
      // What is sound alone to this browser is a film that it cannot show.
      if (!video.videoWidth) failed();
    });
    video.addEventListener("playing", () => video.classList.add("there"), { once: true });
    video.addEventListener("ended", () => video === this.#video && this.#stop());
    this.#button?.before(video);
    this.#label();
    video.src = this.#address;
    video.play().catch(failed);
  }

  /** Goes back to the still. */
  #stop() {
    const video = this.#video;
    if (!video) return;
    this.#video = null;
    video.pause();
    video.removeAttribute("src");
    video.load();
    video.remove();
    this.#label();
  }

  /** @param {HTMLVideoElement} video */
  async #fail(video) {
    if (video !== this.#video) return;
    const address = this.#address ?? "";
    this.#stop();
    this.#take();
    const reason = await api.whyNot(address);
    if (address === this.#address) this.#say(reason ?? UNKNOWN, reason === null);
  }

  /** Takes the button away, but not the keyboard from the dialog. */
  #take() {
    if (this.#button && this.#button === document.activeElement) byId("detail-title").focus();
    this.#button?.remove();
    this.#button = null;
  }

  #label() {
    const [name, drawing] = this.#video ? ["Stop", "stop"] : ["Play", "play"];
    this.#button?.replaceChildren(icon(drawing), name);
    this.#button?.setAttribute("aria-label", `${name} the moving picture`);
  }

  /**
   * @param {string | null} text
   * @param {boolean} [offered]  Whether the film itself can be had.
   */
  #say(text, offered = false) {
    const note = byId("motion-note");
    note.hidden = text === null;
    note.replaceChildren(text ?? "");
    if (offered) note.append(make("a", { href: this.#address, download: "", textContent: WAY_OUT }));
  }
}
