// @ts-check
// What a visitor sees first: what the library holds, searches to try, a glimpse of it.

import * as api from "./api.js";
import { byId, isPlain, make } from "./dom.js";
import { address, NOTHING } from "./location.js";
import * as words from "./words.js";

const COLOURS = ["red", "blue", "green", "yellow", "dark brown", "white", "black"];
const SCENES = [
  "children playing",
  "a dog running",
  "mountains in the snow",
  "by the water",
  "a crowded street",
  "at night",
  "someone jumping",
];
const A_DAY_MS = 86_400_000;

export class Start {
  /** @type {api.Status | null} */
  status = null;
  #glimpsed = "";

  /**
   * @param {object} parts
   * @param {(q: string) => void} parts.search
   * @param {(hits: api.Hit[], q: string) => void} parts.glimpse
   */
  constructor({ search, glimpse }) {
    this.glimpse = glimpse;
    this.title = byId("start-title").textContent;
    this.lead = byId("start-lead").textContent;
    byId("examples").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const example = /** @type {HTMLElement} */ (event.target).closest("a");
      if (!example || !isPlain(event)) return;
      event.preventDefault();
      search(example.textContent ?? "");
    });
  }

  /** Asks what the library holds; throws Failure where nothing answers. */
  async load() {
    const status = await api.status();
    this.status = status;
    const { image, text, video } = status.items;
    const holds = [
      words.count(image - status.moments, "picture"),
      ...(video ? [words.count(video, "film")] : []),
      words.count(text, "caption"),
    ].join(" · ");
    byId("library").textContent = `${holds} · ${words.modelName(status.model.name)}`;
    byId("library").title = status.model.name;
    byId("glimpse-facts").textContent = holds;
    byId("foot").hidden = false;
    byId("start-title").textContent = this.title;
    byId("start-lead").textContent = this.lead;
    const skipped = byId("skipped-button");
    const { partial } = status;
    skipped.hidden = !status.skipped && !partial;
    skipped.textContent = status.skipped
      ? `${words.count(status.skipped, "file")} skipped`
      : `${words.count(partial, "file")} read in part`;
    const hint = byId("hint");
    hint.hidden = !status.hint;
    hint.textContent = status.hint ?? "";
    if (image + text === 0) this.#empty();
    else this.#examples();
  }

  /** Whether the library is known and has something in it. */
  get full() {
    return this.status !== null && this.status.items.image + this.status.items.text > 0;
  }

  /**
   * Says why nothing is known of the library.
   * @param {api.Failure} failure
   * @param {() => void} retry
   */
  fail(failure, retry) {
    const button = make("button", {
      type: "button",
      className: "action",
      textContent: "Try again",
    });
    button.addEventListener("click", retry);
    byId("start-title").textContent = failure.status ? "Something is wrong" : "Nothing answers";
    byId("start-lead").replaceChildren(failure.message, make("br"), button);
  }

  /** Shows some pictures of the library, others on another day; nothing if that fails. */
  async showGlimpse() {
    if (!this.status?.items.image) return;
    const examples = this.#words();
    const q = examples[Math.floor(Date.now() / A_DAY_MS) % examples.length];
    if (this.#glimpsed === q) return;
    this.#glimpsed = q;
    try {
      const answer = await api.search({ ...NOTHING, q }, null, 24);
      byId("glimpse-title").textContent = `A glimpse: “${q}”`;
      byId("glimpse").hidden = false;
      this.glimpse(answer.hits, q);
    } catch (error) {
      this.#glimpsed = "";
      if (!(error instanceof api.Failure)) throw error;
    }
  }

  #words() {
    return this.status?.model.name === "colour" ? COLOURS : SCENES;
  }

  #examples() {
    byId("examples").replaceChildren(
      ...this.#words().map((q) => {
        const href = address({ ...NOTHING, q });
        return make("li", {}, make("a", { href, textContent: q }));
      }),
    );
  }

  #empty() {
    byId("start-title").textContent = "This library is empty";
    byId("start-lead").replaceChildren(
      "Show atisbo a folder of pictures, in a shell:",
      make("code", { className: "command", textContent: "atisbo index FOLDER" }),
      "This page then finds them; there is no need to start it again.",
    );
    byId("hint").hidden = true;
  }
}
