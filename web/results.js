// @ts-check
// The results of a search, or what there is to say instead of them.

import { CaptionList } from "./captions.js";
import { byId, make } from "./dom.js";
import { Grid } from "./grid.js";
import { queryKey } from "./location.js";
import * as words from "./words.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./api.js").Failure} Failure */

// More is fetched before the end is reached, so that scrolling does not stop there.
const AHEAD = "700px";
const ANNOUNCE_MS = 500;

const COMMAND = "atisbo index FOLDER";
const EMPTY = {
  image: ["No pictures in this library", "Show atisbo a folder of pictures, in a shell:"],
  text: [
    "No captions in this library",
    "Put photo.txt beside photo.jpg, one caption a line, and run:",
  ],
  video: ["No films in this library", "Show atisbo a folder with films, in a shell:"],
};
const ALONE = ["Nothing else to compare it with", "The library holds no other of this kind."];

export class Results {
  /** @type {Hit[]} */
  hits = [];
  /** The query that `hits` answer. */
  answered = "";
  /** Whether asking again may help. */
  failed = false;
  /** Whether some of the pictures are moments of films. */
  moments = false;
  #announcing = 0;
  #focus = false;

  /**
   * @param {object} calls
   * @param {(id: number) => void} calls.open
   * @param {(id: number) => string} calls.href
   * @param {() => void} calls.leave
   * @param {() => void} calls.more
   * @param {() => void} calls.retry
   * @param {() => void} calls.clear
   */
  constructor(calls) {
    this.calls = calls;
    this.grid = new Grid(byId("pictures"), calls);
    this.captions = new CaptionList(byId("captions"), calls);
    byId("more").addEventListener("click", calls.more);
    this.end = new IntersectionObserver(
      ([seen]) => {
        if (seen.isIntersecting) calls.more();
      },
      { rootMargin: AHEAD },
    );
  }

  /**
   * Shows the answer to the query of this state.
   * @param {State} state
   * @param {Answer} answer
   * @param {boolean} more  Whether there is more to ask for.
   */
  show(state, answer, more) {
    const another = this.answered !== queryKey(state);
    this.hits = answer.hits;
    this.answered = queryKey(state);
    this.failed = false;
    const found = answer.hits.length > 0;
    const list = answer.target === "text" ? this.captions : this.grid;
    byId("notice").hidden = true;
    byId("results").classList.remove("stale");
    byId("pictures").hidden = !found || list !== this.grid;
    byId("captions").hidden = !found || list !== this.captions;
    byId("more").hidden = !more;
    byId("more").textContent = "Show more";
    list.show(answer.hits);
    if (another) list.rewind();
    this.#summary(answer);
    if (!found) this.#empty(answer);
    if (this.#focus && found) list.focus(0, { preventScroll: true });
    this.#focus = false;
    // Observing anew reports at once whether the end is still near.
    this.end.unobserve(byId("more"));
    if (more) this.end.observe(byId("more"));
  }

  /** Puts the focus on the first of the next results. */
  focusNext() {
    this.#focus = true;
  }

  /** Forgets the results. */
  clear() {
    this.hits = [];
    this.answered = "";
    this.failed = false;
    this.end.unobserve(byId("more"));
  }

  /** @param {Failure} failure */
  fail(failure) {
    this.clear();
    this.failed = failure.passing;
    for (const id of ["pictures", "captions", "more"]) byId(id).hidden = true;
    byId("count").textContent = byId("facts").textContent = "";
    const button = make("button", { type: "button", className: "action" });
    button.textContent = failure.passing ? "Try again" : "Clear the search";
    button.addEventListener("click", failure.passing ? this.calls.retry : this.calls.clear);
    const title = failure.status === 0 ? "Nothing answers" : "That search did not work";
    this.#notice(title, failure.message, button);
  }

  /** @param {Failure} failure */
  failMore(failure) {
    this.end.unobserve(byId("more"));
    byId("more").textContent = "That did not work. Try again";
    this.#announce(failure.message);
  }

  /**
   * Says that the search takes its time.
   * @param {boolean} busy
   * @param {State} state
   */
  busy(busy, state) {
    byId("progress").hidden = !busy;
    byId("main").setAttribute("aria-busy", String(busy));
    byId("results").classList.toggle("stale", busy && this.answered !== queryKey(state));
  }

  /** @param {Answer} answer */
  #summary({ hits, target, searched, model, took_ms }) {
    const moments = target === "image" && (this.moments || hits.some(({ item }) => item.film));
    const of = words.count(searched, words.KINDS[target]) + (moments ? " and moments" : "");
    const what = `${words.number(hits.length)} closest of ${of}`;
    const { embed, search, fetch } = took_ms;
    const took = words.milliseconds(embed + search + fetch);
    byId("count").textContent = hits.length ? what : "";
    byId("facts").textContent = hits.length ? `${words.modelName(model)} · ${took}` : "";
    byId("facts").title = model;
    this.#announce(hits.length ? what : (searched ? ALONE : EMPTY[target])[0]);
  }

  /** @param {Answer} answer */
  #empty({ searched, target }) {
    const [title, line] = searched ? ALONE : EMPTY[target];
    const command = make("code", { className: "command", textContent: COMMAND });
    this.#notice(title, line, searched ? null : command);
  }

  /**
   * @param {string} title
   * @param {string} line
   * @param {Node | null} last
   */
  #notice(title, line, last) {
    byId("results").classList.remove("stale");
    byId("notice").replaceChildren(
      make("h2", { textContent: title }),
      make("p", { textContent: line }),
      ...(last ? [last] : []),
    );
    byId("notice").hidden = false;
  }

  /** @param {string} text */
  #announce(text) {
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => (byId("live").textContent = text), ANNOUNCE_MS);
  }
}
