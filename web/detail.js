// @ts-check
// One picture or caption, large, with all that is known of it.

import * as api from "./api.js";
import { byId, fadeIn, icon, isPlain, make } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {{index: number, total: number, score: number}} Place */

// A small original is enlarged so far and no further: beyond, it is only blur.
const ENLARGED = 3;
const SWIPE_PX = 48;

export class Detail {
  /** @type {number | null} */
  #id = null;
  /** @type {AbortController | null} */
  #running = null;
  #picture = 0;

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
    this.#swipe(byId("stage"));
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
    this.score = place?.score ?? null;
    if (item && item.id === this.#id) this.#facts(item);
  }

  #blank() {
    this.#frame(null);
    byId("quote").hidden = true;
    byId("detail-title").textContent = "…";
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
      if (byId("detail-title").textContent === "…") byId("detail-title").textContent = "Not found";
    }
  }

  /** @param {Item} item */
  #show(item) {
    const picture = item.kind === "caption" ? item.picture : item;
    this.#frame(/** @type {api.Picture | null} */ (picture));
    byId("quote").hidden = Boolean(picture);
    byId("quote").textContent = picture ? "" : item.text;
    byId("detail-title").textContent =
      item.kind === "caption" && picture ? item.text : words.fileName((picture ?? item).path);
    this.#facts(item);
    this.#actions(item, picture);
  }

  /** @param {api.Picture | null} picture */
  #frame(picture) {
    const frame = byId("frame");
    frame.hidden = !picture;
    if (!picture || picture.id === this.#picture) {
      if (!picture) this.#picture = 0;
      return;
    }
    this.#picture = picture.id;
    const width = picture.width ?? 1024;
    const height = picture.height ?? 1024;
    frame.style.setProperty("--ratio", String(width / height));
    frame.style.setProperty("--most", `${width * ENLARGED}px`);
    // New elements: a picture in an old one would stay until the next has come.
    const [small, large] = ["small", "large"].map((id) => make("img", { id, draggable: false, alt: "" }));
    small.src = picture.thumbnail;
    large.alt = words.fileName(picture.path);
    large.src = api.large(picture.thumbnail);
    fadeIn(large);
    frame.replaceChildren(small, large);
  }

  /** @param {Item} item */
  #facts(item) {
    const shown = item.picture ?? item;
    const facts = [
      ["File", shown.path],
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
    byId("actions").replaceChildren(...actions);
  }

  /**
   * @param {number} id
   * @param {"image" | "text"} target
   * @param {string} drawing
   * @param {string} text
   */
  #likeLink(id, target, drawing, text) {
    const link = make("a", { className: "action", href: this.calls.hrefLike(id, target) }, icon(drawing), text);
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

  /** @param {HTMLElement} stage */
  #swipe(stage) {
    /** @type {Touch | null} */
    let from = null;
    stage.addEventListener("touchstart", (event) => {
      from = event.touches.length === 1 ? event.touches[0] : null;
    }, { passive: true });
    stage.addEventListener("touchend", (event) => {
      const to = event.changedTouches[0];
      // A zoomed page is being moved about, not leafed through.
      if (!from || !to || (window.visualViewport?.scale ?? 1) > 1.05) return;
      const across = to.clientX - from.clientX;
      const down = to.clientY - from.clientY;
      from = null;
      if (Math.abs(across) > SWIPE_PX && Math.abs(across) > 1.5 * Math.abs(down)) {
        this.calls.step(across < 0 ? 1 : -1);
      } else if (down > 2 * SWIPE_PX && down > 1.5 * Math.abs(across)) {
        this.dialog.close();
      }
    }, { passive: true });
  }
}
