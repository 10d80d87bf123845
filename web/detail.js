// @ts-check
// One picture or caption, large, with all that is known of it.

import * as api from "./api.js";
import { byId, icon, isPlain, make } from "./dom.js";
import { Stage } from "./stage.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {{index: number, total: number, score: number, next: string | null}} Place */

const UNKNOWN = "…";

export class Detail {
  /** @type {number | null} */
  #id = null;
  /** @type {AbortController | null} */
  #running = null;
  /** @type {number | null} */
  score = null;

  /**
   * @param {object} calls
   * @param {(step: number) => void} calls.step  To the next (1) or previous (-1) result.
   * @param {() => void} calls.closed  The visitor closed it.
   * @param {(id: number, target: "image" | "text") => void} calls.like
   * @param {(id: number, target: "image" | "text") => string} calls.hrefLike
   */
  constructor(calls) {
    this.calls = calls;
    /** @type {HTMLDialogElement} */
    this.dialog = byId("detail");
    byId("detail-close").addEventListener("click", () => this.dialog.close());
    byId("previous").addEventListener("click", () => calls.step(-1));
    byId("next").addEventListener("click", () => calls.step(1));
    this.dialog.addEventListener("close", () => {
      if (this.#id !== null) calls.closed();
    });
    this.dialog.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      calls.step(step);
    });
    this.stage = new Stage({
      step: calls.step,
      close: () => this.dialog.close(),
      atTop: () => this.dialog.scrollTop <= 0,
    });
  }

  /**
   * Shows the item; what is not known of it yet is fetched.
   * @param {number} id
   * @param {Item | null} item
   * @param {Place | null} place
   */
  open(id, item, place) {
    if (id !== this.#id) {
      this.#id = id;
      byId("detail-error").hidden = true;
      byId("detail-captions").hidden = true;
      if (item) this.#show(item);
      else this.#blank();
      this.#fetch(id);
    }
    this.place(place, item);
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** Closes without telling anyone. */
  close() {
    this.#id = null;
    this.#running?.abort();
    if (this.dialog.open) this.dialog.close();
  }

  /**
   * Says where the item stands among the results, once that is known.
   * @param {Place | null} place
   * @param {Item | null} item
   */
  place(place, item = null) {
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
    if (item && item.id === this.#id) this.#facts(item);
  }

  #blank() {
    this.stage.show(null);
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
      const whole = item.picture ? await api.item(item.picture.id, running.signal) : item;
      if (id === this.#id) this.#captions(whole.captions ?? [], id);
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
    const picture = item.kind === "caption" ? item.picture : item;
    this.stage.show(/** @type {api.Picture | null} */ (picture), picture ? null : item.text);
    byId("detail-title").textContent =
      item.kind === "caption" && picture ? item.text : words.fileName((picture ?? item).path);
    this.#facts(item);
    this.#actions(item, picture);
  }

  /** @param {Item} item */
  #facts(item) {
    const shown = item.picture ?? item;
    const facts = [
      ["File", shown.path],
      ...(shown.copies?.length ? [["Copies", shown.copies.join("\n")]] : []),
      ...(shown.width && shown.height ? [["Size", `${shown.width} × ${shown.height}`]] : []),
      ...(typeof this.score === "number" ? [["Score", words.score(this.score)]] : []),
    ];
    byId("facts-list").replaceChildren(
      ...facts.map(([name, value]) =>
        make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value })),
      ),
    );
  }

  /**
   * @param {Item} item
   * @param {api.Picture | Item | null} picture
   */
  #actions(item, picture) {
    const box = byId("actions");
    const known = `${item.id} ${picture?.id}`;
    // What is there already may have the focus.
    if (box.dataset.known === known && box.children.length) return;
    box.dataset.known = known;
    const actions = [];
    if (item.kind === "caption") {
      actions.push(
        this.#likeLink(item.id, "image", "similar", "Pictures for this caption"),
        this.#likeLink(item.id, "text", "quote", "Similar captions"),
      );
    } else {
      actions.push(
        this.#likeLink(item.id, "image", "similar", "Similar pictures"),
        this.#likeLink(item.id, "text", "quote", "Captions for this picture"),
      );
    }
    if (picture) {
      const href = api.original(picture.id);
      const open = make("a", { className: "action", href, target: "_blank", rel: "noopener" });
      open.append(icon("open"), "Open original");
      actions.push(open);
    }
    box.replaceChildren(...actions);
  }

  /**
   * @param {number} id
   * @param {"image" | "text"} target
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

  /**
   * @param {Item[]} captions
   * @param {number} id
   */
  #captions(captions, id) {
    byId("detail-captions").hidden = !captions.length;
    byId("caption-lines").replaceChildren(
      ...captions.map((caption) => {
        const line = make("li", { textContent: caption.text });
        if (caption.id === id) line.setAttribute("aria-current", "true");
        return line;
      }),
    );
  }
}
