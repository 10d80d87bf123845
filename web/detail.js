// @ts-check
// One result, large, with all that is known of it.

import * as api from "./api.js";
import { atMs } from "./badge.js";
import { byId, icon, isPlain, make } from "./dom.js";
import { factsOf, fileFactsOf } from "./facts.js";
import { Lines } from "./lines.js";
import { Reel } from "./reel.js";
import { filmOf, pictureOf, Stage } from "./stage.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./api.js").Target} Target */
/** @typedef {{index: number, total: number, score: number, next: string | null}} Place */

const UNKNOWN = "…";

export class Detail {
  /** @type {number | null} */
  #id = null;
  /** @type {Item | null} */
  #item = null;
  /** The film that the strip is of. @type {number | null} */
  #film = null;
  /** @type {AbortController | null} */
  #running = null;
  /** @type {number | null} */
  score = null;

  /**
   * @param {object} calls
   * @param {(step: number) => void} calls.step  To the next (1) or previous (-1) result.
   * @param {() => void} calls.closed  The visitor closed it.
   * @param {(id: number, target: Target) => void} calls.like
   * @param {(id: number, target: Target) => string} calls.hrefLike
   */
  constructor(calls) {
    this.calls = calls;
    /** @type {HTMLDialogElement} */
    this.dialog = byId("detail");
    byId("detail-close").addEventListener("click", () => this.dialog.close());
    byId("previous").addEventListener("click", () => calls.step(-1));
    byId("next").addEventListener("click", () => calls.step(1));
    this.dialog.addEventListener("close", () => {
      if (this.#id === null) return;
      this.stage.clear();
      calls.closed();
    });
    this.dialog.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      // The player and the strip of moments have arrow keys of their own.
      if (/** @type {HTMLElement} */ (event.target).closest("video, .strip")) return;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      calls.step(step);
    });
    /** @param {number} at_ms */
    const jump = (at_ms) => this.stage.player.jump(at_ms);
    this.reel = new Reel(jump);
    this.lines = new Lines(jump);
    this.stage = new Stage({
      step: calls.step,
      close: () => this.dialog.close(),
      atTop: () => this.dialog.scrollTop <= 0,
      moved: (at_ms) => {
        this.reel.mark(at_ms);
        this.lines.mark(at_ms);
      },
    });
  }

  /**
   * Shows the item; what is not known of it yet is fetched.
   * @param {number} id
   * @param {Item | null} item
   * @param {Place | null} place
   */
  open(id, item, place) {
    const another = id !== this.#id;
    if (another) {
      this.#id = id;
      this.#item = null;
      byId("detail-error").hidden = true;
    }
    this.place(place);
    if (!this.dialog.open) this.dialog.showModal();
    if (!another) return;
    if (item) this.#show(item);
    else this.#blank();
    this.#fetch(id);
  }

  /** Closes without telling anyone. */
  close() {
    this.#id = null;
    this.#running?.abort();
    if (!this.dialog.open) return;
    this.stage.clear();
    this.dialog.close();
  }

  /**
   * Says where the item stands among the results, once that is known.
   * @param {Place | null} place
   */
  place(place) {
    byId("place").textContent = place
      ? `${words.number(place.index + 1)} of ${words.number(place.total)}`
      : "";
    byId("previous").disabled = !place || place.index === 0;
    byId("next").disabled = !place || place.index === place.total - 1;
    // A button that is switched off loses the focus to nothing, and with it the arrow keys.
    if (this.dialog.open && document.activeElement?.matches("body, :disabled")) {
      byId("detail-title").focus();
    }
    this.score = place?.score ?? null;
    this.stage.next = place?.next ?? null;
    this.#facts();
  }

  #blank() {
    this.stage.show(null);
    this.#keepReel(null);
    this.lines.clear();
    byId("detail-title").textContent = UNKNOWN;
    byId("facts-list").replaceChildren();
    byId("actions").replaceChildren();
  }

  /** @param {number} id */
  async #fetch(id) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      const item = await api.item(id, running.signal);
      if (id !== this.#id) return;
      this.#show(item);
      if (item.moments?.length) this.reel.show(item.moments);
      const belongsTo = item.picture?.id ?? item.film;
      const whole = belongsTo === null ? item : await api.item(belongsTo, running.signal);
      if (id !== this.#id) return;
      this.#named("file-facts", fileFactsOf(whole));
      this.stage.motion.offer(whole.motion ?? null, words.nameOf(whole));
      if (whole.moments?.length) this.reel.show(whole.moments);
      this.lines.show(whole.captions ?? [], id);
    } catch (error) {
      if (running.signal.aborted || id !== this.#id) return;
      if (!(error instanceof api.Failure)) throw error;
      const line = byId("detail-error");
      line.textContent = error.message;
      line.hidden = false;
      const title = byId("detail-title");
      if (title.textContent === UNKNOWN) title.textContent = "Not found";
    }
  }

  /** @param {Item} item */
  #show(item) {
    this.#item = item;
    const picture = pictureOf(item);
    this.#keepReel(item);
    this.stage.show(item);
    const at = atMs(item);
    const name = words.nameOf(item) + (at === null ? "" : ` at ${words.clock(at)}`);
    byId("detail-title").textContent = item.modality === "text" && picture ? item.text : name;
    this.#facts();
    this.#actions(item);
  }

  /**
   * Keeps the strip and the captions of a film that is shown on; others make room.
   * @param {Item | null} item
   */
  #keepReel(item) {
    const film = item && filmOf(item);
    if (film && film.id === this.#film) return;
    this.#named("file-facts", []);
    this.#film = film?.id ?? null;
    this.reel.keep(film && (film.width ?? 16) / (film.height ?? 9));
    this.lines.clear();
  }

  #facts() {
    if (this.#item) this.#named("facts-list", factsOf(this.#item, this.score));
  }

  /**
   * @param {string} id
   * @param {import("./facts.js").Named} facts
   */
  #named(id, facts) {
    byId(id).hidden = !facts.length;
    byId(id).replaceChildren(
      ...facts.map(([name, value]) =>
        make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value })),
      ),
    );
  }

  /** @param {Item} item */
  #actions(item) {
    const box = byId("actions");
    const known = `${item.id} ${item.picture?.id}`;
    // What is there already may have the focus.
    if (box.dataset.known === known && box.children.length) return;
    box.dataset.known = known;
    box.replaceChildren(
      ...this.#jump(item),
      ...LIKE[kindOf(item)].map(([target, drawing, text]) =>
        this.#likeLink(item.id, target, drawing, text),
      ),
      ...openOriginal(item),
    );
  }

  /**
   * Returns the button that leads back to what was found in a film.
   * @param {Item} item
   */
  #jump(item) {
    const at = atMs(item);
    if (!filmOf(item) || at === null) return [];
    const button = make("button", { type: "button", className: "action" }, icon("play"));
    button.append(`Jump to ${words.clock(at)}`);
    button.addEventListener("click", () => this.stage.player.jump(at));
    return [button];
  }

  /**
   * @param {number} id
   * @param {Target} target
   * @param {string} drawing
   * @param {string} text
   */
  #likeLink(id, target, drawing, text) {
    const link = make(
      "a",
      { className: "action", href: this.calls.hrefLike(id, target) },
      icon(drawing),
      text,
    );
    link.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (!isPlain(event)) return;
      event.preventDefault();
      this.calls.like(id, target);
    });
    return link;
  }
}

/** @type {Record<string, [Target, string, string][]>} */
const LIKE = {
  picture: [
    ["image", "similar", "Similar pictures"],
    ["text", "quote", "Captions for this picture"],
  ],
  moment: [
    ["image", "similar", "Similar pictures"],
    ["video", "film", "Films like this"],
    ["text", "quote", "Captions for this moment"],
  ],
  film: [
    ["video", "film", "Films like this"],
    ["image", "similar", "Pictures like this film"],
    ["text", "quote", "Captions for this film"],
  ],
  caption: [
    ["image", "similar", "Pictures for this caption"],
    ["text", "quote", "Similar captions"],
  ],
};

/** @param {Item} item */
function kindOf(item) {
  if (item.modality === "text") return "caption";
  if (item.modality === "video") return "film";
  return item.film === null ? "picture" : "moment";
}

/** @param {Item} item */
function openOriginal(item) {
  const id = item.modality === "text" ? item.picture?.id : item.id;
  if (id === undefined) return [];
  const href = api.original(id);
  const open = make("a", { className: "action", href, target: "_blank", rel: "noopener" });
  open.append(icon("open"), "Open original");
  return [open];
}
