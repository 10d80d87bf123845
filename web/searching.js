// @ts-check
// One search at a time: a newer query makes every older answer worthless.

import * as api from "./api.js";
import { queryKey } from "./location.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {import("./api.js").Answer} Answer */

// The first page is what is waited for; those that follow are fetched ahead.
export const FIRST = 24;
const FOLLOWING = 72;

const SLOW_MS = 200;
const KEPT = 30;

export class Searching {
  #sequence = 0;
  /** @type {AbortController | null} */
  #running = null;
  #waiting = 0;
  #slow = 0;
  /** All pages of a query that are known. @type {Map<string, Answer>} */
  #kept = new Map();

  /**
   * @param {object} calls
   * @param {(id: string) => Promise<Blob | null>} calls.picture  The kept upload, if it still is.
   * @param {(answer: Answer) => void} calls.answered
   * @param {(failure: api.Failure, following: boolean) => void} calls.failed  `following` a page.
   * @param {(busy: boolean) => void} calls.busy  True only once it takes long enough to be said.
   */
  constructor(calls) {
    this.calls = calls;
  }

  /**
   * Shows the answer as it was seen last, if it is still kept.
   * @param {State} state
   * @returns {boolean}
   */
  again(state) {
    const kept = this.#kept.get(queryKey(state));
    if (!kept) return false;
    this.stop();
    this.calls.answered(kept);
    return true;
  }

  /**
   * Asks after `delay_ms`, unless something newer is asked meanwhile.
   * @param {State} state
   * @param {number} [delay_ms]
   */
  run(state, delay_ms = 0) {
    this.stop();
    if (delay_ms) this.#waiting = setTimeout(() => this.#ask(state, null), delay_ms);
    else this.#ask(state, null);
  }

  /**
   * Asks for what follows the pages that are known.
   * @param {State} state
   */
  more(state) {
    const kept = this.#kept.get(queryKey(state));
    if (kept?.next && !this.#running) this.#ask(state, kept);
  }

  /**
   * Remembers whether an item, and what belongs to it, is a favourite now.
   * @param {number[]} ids
   * @param {boolean} favourite
   */
  mark(ids, favourite) {
    for (const { hits } of this.#kept.values()) {
      for (const hit of hits) {
        const { id, film, picture } = hit.item;
        if ([id, film, picture?.id].some((one) => one != null && ids.includes(one))) {
          hit.favourite = favourite;
        }
      }
    }
  }

  /** Forgets whatever is under way. */
  stop() {
    this.#sequence += 1;
    clearTimeout(this.#waiting);
    clearTimeout(this.#slow);
    this.#running?.abort();
    this.#running = null;
    this.calls.busy(false);
  }

  /**
   * @param {State} state
   * @param {Answer | null} before  The pages to go on from.
   */
  async #ask(state, before) {
    const sequence = (this.#sequence += 1);
    const running = new AbortController();
    this.#running = running;
    this.#slow = setTimeout(() => this.calls.busy(true), SLOW_MS);
    try {
      const picture = state.upload ? await this.calls.picture(state.upload) : null;
      if (state.upload && !picture) {
        throw new api.Failure(
          410,
          "The picture of this search is not kept any more: choose, drop or paste it again.",
        );
      }
      if (sequence !== this.#sequence) return;
      const k = before ? FOLLOWING : FIRST;
      const page = await api.search(state, picture, k, before?.next, running.signal);
      if (sequence !== this.#sequence) return;
      this.#end();
      const answer = before ? joined(before, page) : page;
      this.#keep(queryKey(state), answer);
      this.calls.answered(answer);
    } catch (error) {
      if (sequence !== this.#sequence) return;
      this.#end();
      if (!(error instanceof api.Failure)) throw error;
      this.calls.failed(error, before !== null);
    }
  }

  #end() {
    clearTimeout(this.#slow);
    this.#running = null;
    this.calls.busy(false);
  }

  /**
   * @param {string} key
   * @param {Answer} answer
   */
  #keep(key, answer) {
    this.#kept.delete(key);
    this.#kept.set(key, answer);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value ?? "");
  }
}

/**
 * Returns the pages as one answer. Hits are likely up to the first page that has others.
 * @param {Answer} before
 * @param {Answer} page
 * @returns {Answer}
 */
function joined(before, page) {
  const { likely } = before;
  const open = likely !== null && likely === before.hits.length;
  return {
    ...before,
    hits: [...before.hits, ...page.hits],
    likely: open ? likely + (page.likely ?? 0) : likely,
    next: page.next,
  };
}
