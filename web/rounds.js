// @ts-check
// A search in rounds: results are marked as right or wrong, and the next round goes on from them.

import { byId } from "./dom.js";
import { queryKey, UNMARKED } from "./location.js";
import { markOf, Marks, marked } from "./marks.js";

/** @typedef {import("./marks.js").Mark} Mark */

export class Rounds {
  /**
   * @param {import("./journey.js").Journey} journey
   * @param {() => void} begun  Another round begins.
   */
  constructor(journey, begun) {
    this.journey = journey;
    this.begun = begun;
    this.bar = new Marks({
      takeOff: (id) => this.#mark(id, null),
      again: () => this.again(),
      clear: () => {
        const { more, less } = journey.state;
        journey.go(UNMARKED, more.length || less.length ? "push" : "replace");
      },
    });
  }

  show() {
    this.bar.show(this.journey.state);
  }

  /**
   * Marks a result; the same mark again takes it off.
   * @param {number} id
   * @param {Mark} mark
   */
  judge(id, mark) {
    this.#mark(id, mark);
    byId("live").textContent = byId("marks-count").textContent;
  }

  /** @param {number} id */
  markOf(id) {
    return markOf(this.journey.state, id);
  }

  /** Searches on from what is marked; returns whether that is another search. */
  again() {
    const { state } = this.journey;
    const next = { more: state.right, less: state.wrong, item: null };
    if (queryKey({ ...state, ...next }) === queryKey(state)) return false;
    this.begun();
    this.journey.go(next);
    return true;
  }

  /**
   * @param {number} id
   * @param {Mark | null} mark
   */
  #mark(id, mark) {
    this.journey.go(marked(this.journey.state, id, mark), "replace");
  }
}
