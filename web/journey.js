// @ts-check
// Where the visitor is, was and may come back to: the one state, kept in address and history.

import { address, queryKey, read } from "./location.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {{asked: boolean, came: boolean, typed: boolean}} Step */
/** @typedef {"push" | "replace"} Way */

// A query that rests this long, or is used, is one to come back to with the back button.
const SETTLED_MS = 1500;

export class Journey {
  /** Whether the current history entry is still being typed. */
  #draft = false;
  #settling = 0;
  /** While an item is left: the state that the visitor comes back to. @type {State | null} */
  #left = null;
  /** What is to be written once there. @type {Array<[Way, State, string, boolean]>} */
  #held = [];
  /** Scroll position of each history entry. @type {Map<string, number>} */
  #scrolled = new Map();

  /**
   * @param {(step: Step) => void} moved  The state is another; `asked` says whether the query is,
   *   `came` whether the visitor came back to it.
   */
  constructor(moved) {
    this.moved = moved;
    this.state = read(location.search, history.state);
    this.#entry = history.state?.entry ?? newName();
    history.scrollRestoration = "manual";
    this.#write("replace", Boolean(history.state?.opened));
    addEventListener("popstate", (event) => this.#come(event.state));
  }

  /** @type {string} */
  #entry;

  /**
   * Changes the state for good: the back button leads to the one before.
   * @param {Partial<State>} change
   * @param {Way} [how]
   */
  go(change, how = "push") {
    this.settle();
    const opened = how === "replace" && !this.#left && Boolean(history.state?.opened);
    this.#go(change, how, opened, false);
  }

  /**
   * Shows an item; `close` comes back from it.
   * @param {number} id
   */
  open(id) {
    this.settle();
    this.#go({ item: id }, "push", true, false);
  }

  close() {
    if (this.#left && this.state.item === null) return;
    if (this.#left || !history.state?.opened) {
      this.go({ item: null }, "replace");
      return;
    }
    this.state = { ...this.state, item: null };
    this.#left = this.state;
    history.back();
    this.moved({ asked: false, came: true, typed: false });
  }

  /**
   * Changes the query while it is typed, all in one history entry.
   * @param {Partial<State>} change
   */
  type(change) {
    this.#go({ ...change, item: null }, this.#draft ? "replace" : "push", false, true);
    this.#draft = true;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.settle(), SETTLED_MS);
  }

  /** Whether the query is still being typed. */
  get typing() {
    return this.#draft;
  }

  /** Keeps what was typed: what is typed next is another query. */
  settle() {
    clearTimeout(this.#settling);
    this.#draft = false;
  }

  /**
   * @param {Partial<State>} change
   * @param {Way} how
   * @param {boolean} opened
   * @param {boolean} typed
   */
  #go(change, how, opened, typed) {
    const before = queryKey(this.state);
    this.state = { ...this.state, ...change };
    if (how === "push") {
      this.#scrolled.set(this.#entry, scrollY);
      this.#entry = newName();
    }
    this.#write(how, opened);
    const asked = queryKey(this.state) !== before;
    if (asked) scrollTo({ top: 0 });
    this.moved({ asked, came: false, typed });
  }

  /** @param {any} kept */
  #come(kept) {
    if (this.#left) {
      this.#arrive(this.#left, kept);
      return;
    }
    this.settle();
    this.#scrolled.set(this.#entry, scrollY);
    const { right, wrong } = this.state;
    const before = queryKey(this.state);
    this.state = read(location.search, kept);
    this.#entry = kept?.entry ?? newName();
    const asked = queryKey(this.state) !== before;
    if (!asked) {
      // What was marked while an item was open stays marked among the results.
      this.state = { ...this.state, right, wrong };
      this.#write("replace", Boolean(kept?.opened));
    }
    this.moved({ asked, came: true, typed: false });
    // Behind an item the results were not scrolled, or only to the tile that has the focus now.
    if (asked) scrollTo({ top: this.#scrolled.get(this.#entry) ?? 0 });
  }

  /**
   * Comes back from an item. Browsers take their time: what was done meanwhile comes after it.
   * @param {State} left
   * @param {any} kept
   */
  #arrive(left, kept) {
    const held = this.#held.splice(0);
    const entry = kept?.entry ?? newName();
    keep("replace", left, entry, false);
    for (const step of held) keep(...step);
    if (!held.length) this.#entry = entry;
    this.#left = null;
  }

  /**
   * @param {Way} how
   * @param {boolean} opened
   */
  #write(how, opened) {
    /** @type {[Way, State, string, boolean]} */
    const step = [how, this.state, this.#entry, opened];
    if (this.#left) this.#held.push(step);
    else keep(...step);
  }
}

/**
 * @param {Way} how
 * @param {State} state
 * @param {string} entry
 * @param {boolean} opened
 */
function keep(how, state, entry, opened) {
  const kept = { entry, upload: state.upload, opened };
  history[how === "push" ? "pushState" : "replaceState"](kept, "", address(state));
}

const newName = () => Math.random().toString(36).slice(2);
