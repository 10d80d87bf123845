// @ts-check
// The results of a search, or what there is to say instead of them.

import { CaptionList } from "./captions.js";
import { byId, make } from "./dom.js";
import { Grid } from "./grid.js";
import { isFiltered, lookedFor } from "./language.js";
import { showLabels } from "./labels.js";
import { queryKey } from "./location.js";
import { lessLikelyFrom, worthOf } from "./worth.js";
import * as words from "./words.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./api.js").Failure} Failure */

// More is fetched before the end is reached, so that scrolling does not stop there.
const AHEAD = "700px";
const ANNOUNCE_MS = 500;

const COMMAND = "atisbo index FOLDER";
/** @type {Record<import("./api.js").Modality, string[]>} */
const EMPTY = {
  image: ["No pictures in this library", "Show atisbo a folder of pictures, in a shell:"],
  text: [
    "No captions in this library",
    "Put photo.txt beside photo.jpg, one caption a line, and run:",
  ],
  video: ["No films in this library", "Show atisbo a folder with films, in a shell:"],
};
const HOLDS = { image: "image", picture: "image", moment: "video", text: "text", video: "video", all: "image" };
const FILTERED = ["Nothing passes the filters", "Take one of them away, or make it wider."];
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
  /** @type {Answer | null} */
  #answer = null;
  #announcing = 0;
  #focus = false;

  /**
   * @param {import("./tile.js").Calls & {more: () => void, retry: () => void, clear: () => void,
   *   mend: (failure: Failure) => void, ask: (text: string) => void}} calls  `mend` goes to the
   *   character at fault, `ask` searches for words.
   */
  constructor(calls) {
    this.calls = calls;
    this.grid = new Grid(byId("pictures"), calls);
    this.captions = new CaptionList(byId("captions"), calls);
    byId("more").addEventListener("click", calls.more);
    this.end = new IntersectionObserver(
      // Under load several reports come at once: the last one tells how it is now.
      (seen) => {
        if (seen.at(-1)?.isIntersecting) calls.more();
      },
      { rootMargin: AHEAD },
    );
  }

  /**
   * Shows the answer to the query of this state.
   * @param {State} state
   * @param {Answer} answer
   */
  show(state, answer) {
    const another = this.answered !== queryKey(state);
    const following = !another && answer.hits.length > this.hits.length;
    this.hits = answer.hits;
    this.answered = queryKey(state);
    this.failed = false;
    this.#answer = answer;
    const found = answer.hits.length > 0;
    const more = answer.next !== null;
    const { list } = this;
    byId("notice").hidden = true;
    byId("results").classList.remove("stale");
    byId("pictures").hidden = !found || list !== this.grid;
    byId("captions").hidden = !found || list !== this.captions;
    byId("more").hidden = !more;
    byId("more").textContent = "Show more";
    if (list === this.grid) this.grid.show(answer.hits, lessLikelyFrom(answer));
    else this.captions.show(answer.hits);
    if (another) list.rewind();
    this.#worth(answer);
    showLabels(answer, this.calls.ask);
    this.#summary(state, answer, following);
    if (!found) this.#empty(state, answer);
    if (this.#focus && found) list.focus(0, { preventScroll: true });
    this.#focus = false;
    // Observing anew reports at once whether the end is still near.
    this.end.unobserve(byId("more"));
    if (more) this.end.observe(byId("more"));
  }

  /** Says on each result what has changed: marks, favourites, addresses. */
  label() {
    if (this.hits.length) this.list.label();
  }

  /** Where the results are shown. */
  get list() {
    return this.#answer?.target === "text" ? this.captions : this.grid;
  }

  /** Returns the folders of the results, and those above them. */
  folders() {
    const paths = this.hits.map(({ item }) => (item.picture ?? item).path.split("/").slice(0, -1));
    const all = paths.flatMap((names) => names.map((_, depth) => names.slice(0, depth + 1).join("/")));
    return [...new Set(all)].sort();
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
    this.#answer = null;
    this.end.unobserve(byId("more"));
  }

  /**
   * @param {Failure} failure
   * @param {boolean} typing  Whether the query is perhaps not written to its end.
   */
  fail(failure, typing) {
    const unfinished = typing && failure.position !== null && this.hits.length > 0;
    if (!unfinished) {
      this.clear();
      for (const id of ["pictures", "captions", "more"]) byId(id).hidden = true;
    }
    this.failed = failure.passing;
    byId("worth").hidden = byId("labels").hidden = true;
    byId("count").textContent = byId("facts").textContent = "";
    const button = make("button", { type: "button", className: "action" });
    const { retry, clear, mend } = this.calls;
    if (failure.passing) {
      button.textContent = "Try again";
      button.addEventListener("click", retry);
    } else if (failure.position !== null) {
      button.textContent = "Show me where";
      button.addEventListener("click", () => mend(failure));
    } else {
      button.textContent = "Clear the search";
      button.addEventListener("click", clear);
    }
    const title = failure.status === 0 ? "Nothing answers" : "That search did not work";
    this.#notice(title, failure.message, button);
    byId("notice").classList.toggle("brief", unfinished);
    byId("results").classList.toggle("stale", unfinished);
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
  #worth(answer) {
    const worth = worthOf(answer);
    byId("worth").hidden = !worth;
    byId("worth").classList.toggle("nothing", answer.verdict === "nothing");
    byId("worth-title").textContent = worth?.title ?? "";
    byId("worth-line").textContent = worth?.line ?? "";
  }

  /**
   * @param {State} state
   * @param {Answer} answer
   * @param {boolean} following  Whether the first hits were there before.
   */
  #summary(state, answer, following) {
    const { hits, model, took_ms } = answer;
    const what = this.#counted(state, answer);
    const { embed, search, fetch } = took_ms;
    const took = words.milliseconds(embed + search + fetch);
    byId("count").textContent = hits.length ? what : "";
    byId("facts").textContent = hits.length ? `${words.modelName(model)} · ${took}` : "";
    byId("facts").title = model;
    // The next page may be there before the first one was announced.
    const worth = following && !this.#announcing ? null : worthOf(answer);
    const said = hits.length ? what : this.#none(state, answer)[0];
    this.#announce(worth ? `${worth.title} ${worth.line} ${said}` : said);
  }

  /**
   * Returns how many there are, and of what.
   * @param {State} state
   * @param {Answer} answer
   */
  #counted(state, { hits, target, searched, next }) {
    const number = words.number(hits.length);
    const order = state.sort === "oldest" ? "oldest first" : "newest first";
    if (!looks(state)) {
      return next ? `The first ${number}, ${order}` : `${words.count(hits.length, words.KINDS[target])}, ${order}`;
    }
    if (state.sort !== "score") return `${number} of the closest, ${order}`;
    if (isFiltered(state.q)) {
      if (next) return `${number} closest within the filters`;
      return `${words.count(hits.length, words.KINDS[target])} within the filters, closest first`;
    }
    // What was searched holds both.
    if (target === "picture" || target === "moment") return `${number} closest ${words.KINDS[target]}s`;
    const moments = target === "image" && (this.moments || hits.some(({ item }) => item.film));
    return `${number} closest of ${words.count(searched, words.KINDS[target])}${moments ? " and moments" : ""}`;
  }

  /**
   * @param {State} state
   * @param {Answer} answer
   */
  #empty(state, answer) {
    const [title, line] = this.#none(state, answer);
    const bare = !answer.searched && !isFiltered(state.q);
    const command = make("code", { className: "command", textContent: COMMAND });
    this.#notice(title, line, bare ? command : null);
  }

  /**
   * Returns why there is nothing.
   * @param {State} state
   * @param {Answer} answer
   */
  #none(state, { searched, target }) {
    if (isFiltered(state.q)) return FILTERED;
    if (searched) return ALONE;
    return EMPTY[/** @type {import("./api.js").Modality} */ (HOLDS[target])];
  }

  /**
   * @param {string} title
   * @param {string} line
   * @param {Node | null} last
   */
  #notice(title, line, last) {
    byId("results").classList.remove("stale");
    byId("notice").classList.remove("brief");
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
    this.#announcing = setTimeout(() => {
      this.#announcing = 0;
      byId("live").textContent = text;
    }, ANNOUNCE_MS);
  }
}

/**
 * Returns whether a query looks for something, rather than only filters.
 * @param {State} state
 */
const looks = ({ q, like, upload, more }) =>
  Boolean(lookedFor(q) || like !== null || upload || more.length);
