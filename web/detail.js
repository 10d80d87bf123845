// @ts-check
// One result, large, with all that is known of it.

import { likeLinks, openOriginal } from "./actions.js";
import * as api from "./api.js";
import { atMs } from "./badge.js";
import { byId, icon, make } from "./dom.js";
import { factsOf, fileFactsOf, showFacts } from "./facts.js";
import { Found } from "./found.js";
import { Lines } from "./lines.js";
import { markOfKey } from "./marks.js";
import { Reel } from "./reel.js";
import { likePart, RegionPicker } from "./region.js";
import { Scenes } from "./scenes.js";
import { filmOf, pictureOf, Stage } from "./stage.js";
import { Tags } from "./tags.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./api.js").Target} Target */
/** @typedef {{index: number, total: number, hit: import("./api.js").Hit, next: string | null}} Place */

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
  /** @type {import("./api.js").Hit | null} */
  #hit = null;

  /**
   * @param {object} calls
   * @param {(step: number) => void} calls.step  To the next (1) or previous (-1) result.
   * @param {() => void} calls.closed  The visitor closed it.
   * @param {(id: number, target: Target) => void} calls.like
   * @param {(id: number, target: Target) => string} calls.hrefLike
   * @param {(q: string) => void} calls.search
   * @param {(id: number) => void} calls.open
   * @param {(id: number) => string} calls.href
   * @param {(id: number, mark: import("./marks.js").Mark) => void} calls.judge
   * @param {(id: number) => import("./marks.js").Mark | null} calls.markOf
   * @param {(ids: number[], favourite: boolean) => void} calls.liked  Favourites or no more.
   * @param {() => string} calls.lookedFor  As a query in words; nothing where that cannot be said.
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
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      // The player and the strip of moments have arrow keys of their own, a field has all keys.
      const own = event.key.startsWith("Arrow") ? "input, video, .strip" : "input";
      if (/** @type {HTMLElement} */ (event.target).closest(own)) return;
      const step = event.shiftKey ? 0 : { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) calls.step(step);
      else if (!this.#key(event)) return;
      event.preventDefault();
    });
    /** @param {number} at_ms */
    const jump = (at_ms) => this.stage.player.jump(at_ms);
    this.reel = new Reel(jump);
    this.lines = new Lines(jump);
    this.scenes = new Scenes(jump);
    this.region = new RegionPicker((region) => {
      if (this.#id !== null) calls.search(likePart(this.#id, region));
    });
    this.found = new Found(calls);
    this.tags = new Tags({
      changed: (ids, favourite) => calls.liked(ids, favourite),
      failed: (failure) => this.#fail(failure),
    });
    this.stage = new Stage({
      step: calls.step,
      close: () => this.dialog.close(),
      atTop: () => this.dialog.scrollTop <= 0,
      moved: (at_ms) => {
        this.reel.mark(at_ms);
        this.scenes.mark(at_ms);
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
    if (another) {
      this.region.close();
      this.tags.turn(item, place?.hit.favourite ?? false);
    }
    if (!this.dialog.open) this.dialog.showModal();
    if (!another) return;
    if (item) this.#show(item);
    else this.#blank();
    this.#fetch(id);
  }

  /** Closes without telling anyone. */
  close() {
    this.#id = null;
    this.region.close();
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
    this.#hit = place?.hit ?? null;
    this.stage.next = place?.next ?? null;
    this.#facts();
  }

  /**
   * Does what a key asks for; returns whether it is one that asks for something.
   * @param {KeyboardEvent} event
   */
  #key(event) {
    const mark = markOfKey(event);
    if (mark && this.#id !== null) this.calls.judge(this.#id, mark);
    else if (event.key === "f") this.tags.like();
    else return this.scenes.go(Number(event.key) - 1);
    return true;
  }

  /** @param {api.Failure} failure */
  #fail(failure) {
    byId("detail-error").textContent = failure.message;
    byId("detail-error").hidden = false;
  }

  #blank() {
    this.stage.show(null);
    this.#keepReel(null);
    this.lines.clear();
    this.found.clear();
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
      this.tags.show(item);
      if (item.moments?.length) this.reel.show(item.moments);
      this.#searched(item, running.signal);
      const belongsTo = item.picture?.id ?? item.film;
      const whole = belongsTo === null ? item : await api.item(belongsTo, running.signal);
      if (id !== this.#id) return;
      showFacts("file-facts", fileFactsOf(whole));
      this.stage.motion.offer(whole.motion ?? null, words.nameOf(whole));
      if (whole.moments?.length) this.reel.show(whole.moments);
      this.lines.show(whole.captions ?? [], id);
    } catch (error) {
      if (running.signal.aborted || id !== this.#id) return;
      if (!(error instanceof api.Failure)) throw error;
      this.#fail(error);
      const title = byId("detail-title");
      if (title.textContent === UNKNOWN) title.textContent = "Not found";
    }
  }

  /**
   * Shows where in its film what is looked for is to be seen.
   * @param {Item} item
   * @param {AbortSignal} signal
   */
  async #searched(item, signal) {
    const film = filmOf(item);
    const q = this.calls.lookedFor();
    if (!film || !q || this.scenes.has(film.id, q)) return;
    try {
      const line = await api.timeline(film.id, q, signal);
      if (!signal.aborted) this.scenes.show(film.id, q, line);
    } catch (error) {
      // The film is there without them; the search itself has said what is wrong with the query.
      if (!signal.aborted && !(error instanceof api.Failure)) throw error;
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
    this.scenes.keep(film?.id ?? null, this.calls.lookedFor());
    if (film && film.id === this.#film) return;
    showFacts("file-facts", []);
    this.#film = film?.id ?? null;
    this.reel.keep(film && (film.width ?? 16) / (film.height ?? 9));
    this.lines.clear();
  }

  #facts() {
    if (!this.#item) return;
    showFacts("facts-list", factsOf(this.#item, this.#hit));
    this.found.show(this.#item, this.#hit);
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
      ...likeLinks(item, this.calls),
      ...this.#partOf(item),
      ...openOriginal(item),
    );
  }

  /**
   * Returns the button to search by a part of a picture.
   * @param {Item} item
   */
  #partOf(item) {
    if (item.modality !== "image" || item.film !== null) return [];
    const button = make("button", { type: "button", className: "action" }, icon("part"));
    button.append("Search by a part of it");
    button.addEventListener("click", () => this.region.open());
    return [button];
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
}
