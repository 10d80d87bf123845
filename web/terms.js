// @ts-check
// What a query asks beside plain words, as chips that can be taken away.

import { byId, icon, make } from "./dom.js";
import * as language from "./language.js";
import { NOTHING, SORTS } from "./location.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {import("./language.js").Part} Part */

/** @type {Record<string, string>} */
const KNOWN = {
  "is:favourite": "Favourites",
  "is:favorite": "Favourites",
  "has:caption": "With a caption",
  "has:gps": "With a place",
  "has:date": "With a date",
  "has:tag": "With a tag",
};

export class Terms {
  #shown = "";

  /** @param {(change: Partial<State>) => void} change */
  constructor(change) {
    this.change = change;
    this.list = byId("terms");
  }

  /** @param {State} state */
  show(state) {
    const { q, sort, collapse, varied } = state;
    const shown = JSON.stringify([q, sort, collapse, varied]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const held = this.list.contains(document.activeElement);
    const parts = language.partsOf(q).filter((part) => part.kind !== "words" && part.text);
    const chips = [
      ...parts.map((part) => {
        const chip = this.#chip(part.kind, labelOf(part), { q: language.without(q, part) });
        if (part.kind === "like") chip.prepend(pictureOf(part.text));
        return chip;
      }),
      ...(sort === NOTHING.sort ? [] : [this.#chip("option", SORTS[sort], { sort: NOTHING.sort })]),
      ...(collapse ? [this.#chip("option", "Alike as one", { collapse: false })] : []),
      ...(varied ? [this.#chip("option", "More varied", { varied: false })] : []),
    ];
    this.list.hidden = !chips.length;
    this.list.replaceChildren(...chips);
    if (held) (this.list.querySelector("button") ?? byId("q")).focus();
  }

  /**
   * @param {string} kind
   * @param {string} label
   * @param {Partial<State>} without
   */
  #chip(kind, label, without) {
    const button = make(
      "button",
      { type: "button", "aria-label": `Remove: ${label}`, title: "Remove" },
      icon("close"),
    );
    button.addEventListener("click", () => this.change(without));
    return make("li", { className: `term ${kind}` }, make("span", { textContent: label }), button);
  }
}

/** @param {string} text */
function pictureOf(text) {
  const src = `/api/v1/items/${parseInt(text, 10)}/thumbnail`;
  const image = make("img", { alt: "", draggable: false, src });
  image.addEventListener("error", () => image.remove(), { once: true });
  return image;
}

/** @param {Part} part */
function labelOf({ kind, sign, weight, field, text }) {
  const away = sign === "-";
  const weighed = weight === null ? "" : `${weight} × `;
  if (kind === "filter") {
    const known = KNOWN[`${field}:${text.toLowerCase()}`] ?? `${field}: ${text.replaceAll(",", ", ")}`;
    if (!away) return known;
    return known.startsWith("With ") ? `Without ${known.slice(5)}` : `Not ${known.toLowerCase()}`;
  }
  const what = kind === "phrase" ? `“${text}”` : kind === "like" ? likeOf(text) : text;
  return away ? `Not ${weighed}${what}` : weighed + what;
}

/** @param {string} text  "17", or "17@" and the sides of a region. */
function likeOf(text) {
  const [id, region] = text.split("@");
  return region ? `like a part of ${id}` : `like ${id}`;
}
