// @ts-check
// The picture that is searched by, small, in the search field.

import * as api from "./api.js";
import { byId, icon, make } from "./dom.js";
import { recall } from "./upload.js";
import * as words from "./words.js";

/** @typedef {import("./location.js").State} State */

export class Chip {
  #shown = "";
  #url = "";

  /** @param {() => void} remove */
  constructor(remove) {
    this.element = byId("chip");
    this.remove = remove;
  }

  /**
   * Shows the picture or the item that the state searches by, if any.
   * @param {State} state
   */
  async show(state) {
    const wanted = state.upload
      ? `upload ${state.upload}`
      : state.like !== null
        ? `like ${state.like}`
        : "";
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = "";
    this.element.hidden = !wanted;
    if (!wanted) {
      this.element.replaceChildren();
      return;
    }
    this.#paint(null, state.upload ? "Your picture" : "Like this");
    if (state.upload) {
      const picture = await recall(state.upload);
      if (wanted !== this.#shown || !picture) return;
      this.#url = URL.createObjectURL(picture);
      this.#paint(
        this.#url,
        "Your picture",
        "It stays in this tab and is not part of the address.",
      );
    } else if (state.like !== null) {
      // The search says what is wrong with the item, should there be something.
      const item = await api.item(state.like).catch(() => null);
      if (wanted !== this.#shown || !item) return;
      const about = item.text === null ? words.fileName(item.path) : `“${item.text}”`;
      this.#paint(item.thumbnail, item.text === null ? "Like this" : about, `Like ${about}`);
    }
  }

  /**
   * @param {string | null} source
   * @param {string} text
   * @param {string} [title]
   */
  #paint(source, text, title) {
    const picture = make("span", { className: "chip-picture" }, icon("picture"));
    if (source) {
      const image = make("img", { alt: "", src: source, draggable: false });
      // A format that this browser cannot show leaves the drawing.
      image.addEventListener("load", () => picture.replaceChildren(image), { once: true });
    }
    const button = make(
      "button",
      {
        type: "button",
        className: "chip-remove",
        title: "Remove",
        "aria-label": `Remove: ${text}`,
      },
      icon("close"),
    );
    button.addEventListener("click", this.remove);
    const label = make("span", { className: "chip-text", textContent: text });
    this.element.title = title ?? "";
    this.element.replaceChildren(picture, label, button);
  }
}
