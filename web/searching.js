// @ts-check
// One search at a time: a newer query makes every older answer worthless.

import * as api from "./api.js";
import { queryKey } from "./location.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {{answer: Answer, k: number}} Kept */

// What is fetched at once, as the page is scrolled down: the interface has no pages, only a k.
export const STEPS = [24, 72, api.MAX_K];

const SLOW_MS = 200;
const KEPT = 30;

export class Searching {
  #sequence = 0;
  /** @type {AbortController | null} */
  #running = null;
  #waiting = 0;
  #slow = 0;
  /** @type {Map<string, Kept>} */
  #kept = new Map();

  /**
   * @param {object} calls
   * @param {(id: string) => Promise<Blob | null>} calls.picture  The kept upload, if it still is.
   * @param {(answer: Answer, more: boolean, grown: boolean) => void} calls.answered
   * @param {(failure: api.Failure, grown: boolean) => void} calls.failed
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
    this.calls.answered(kept.answer, isMore(kept), false);
    return true;
  }

  /**
   * Asks after `delay_ms`, unless something newer is asked meanwhile.
   * @param {State} state
   * @param {number} [delay_ms]
   */
  run(state, delay_ms = 0) {
    this.stop();
    if (delay_ms) this.#waiting = setTimeout(() => this.#ask(state, STEPS[0], false), delay_ms);
    else this.#ask(state, STEPS[0], false);
  }

  /**
   * Asks for more of the same.
   * @param {State} state
   */
  more(state) {
    const kept = this.#kept.get(queryKey(state));
    if (!kept || !isMore(kept) || this.#running) return;
    const k = STEPS.find((step) => step > kept.k);
    if (k) this.#ask(state, k, true);
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
   * @param {number} k
   * @param {boolean} grown
   */
  async #ask(state, k, grown) {
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
      const answer = await api.search(state, picture, k, running.signal);
      if (sequence !== this.#sequence) return;
      this.#end();
      this.#keep(queryKey(state), { answer, k });
      this.calls.answered(answer, isMore({ answer, k }), grown);
    } catch (error) {
      if (sequence !== this.#sequence) return;
      this.#end();
      if (!(error instanceof api.Failure)) throw error;
      this.calls.failed(error, grown);
    }
  }

  #end() {
    clearTimeout(this.#slow);
    this.#running = null;
    this.calls.busy(false);
  }

  /**
   * @param {string} key
   * @param {Kept} kept
   */
  #keep(key, kept) {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value ?? "");
  }
}

/** @param {Kept} kept */
const isMore = ({ answer, k }) => answer.hits.length >= k && k < api.MAX_K;
