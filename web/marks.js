// @ts-check
// Results marked as right or wrong, from which the next round of the search learns.

import { byId, icon, make } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {"right" | "wrong"} Mark */

/** @type {[Mark, string, string, string][]} */
const BUTTONS = [
  ["right", "check", "Right: more like this", "+"],
  ["wrong", "cross", "Wrong: less like this", "−"],
];

/**
 * Returns the two buttons that mark a result.
 * @param {(mark: Mark) => void} judge
 */
export function judging(judge) {
  return make(
    "span",
    { className: "judging" },
    ...BUTTONS.map(([mark, drawing, title, key]) => {
      const button = make(
        "button",
        {
          type: "button",
          tabIndex: -1,
          className: mark,
          title: `${title} (${key})`,
          "aria-label": title,
          "aria-pressed": "false",
        },
        icon(drawing),
      );
      button.addEventListener("click", () => judge(mark));
      return button;
    }),
  );
}

/**
 * Shows on an element with such buttons how its result is marked.
 * @param {HTMLElement} element
 * @param {Mark | null} mark
 */
export function showMark(element, mark) {
  element.classList.toggle("is-right", mark === "right");
  element.classList.toggle("is-wrong", mark === "wrong");
  for (const button of element.querySelectorAll(".judging button")) {
    button.setAttribute("aria-pressed", String(mark !== null && button.classList.contains(mark)));
  }
}

/**
 * Returns the mark that a key gives, if any. "=" is "+" without Shift on many keyboards.
 * @param {KeyboardEvent} event
 * @returns {Mark | null}
 */
export function markOfKey({ key, altKey, ctrlKey, metaKey }) {
  if (altKey || ctrlKey || metaKey) return null;
  return key === "+" || key === "=" ? "right" : key === "-" ? "wrong" : null;
}

/**
 * Returns how the state marks an item.
 * @param {State} state
 * @param {number} id
 * @returns {Mark | null}
 */
export const markOf = ({ right, wrong }, id) =>
  right.includes(id) ? "right" : wrong.includes(id) ? "wrong" : null;

/**
 * Returns what changes when the item gets this mark; the same mark again takes it off.
 * @param {State} state
 * @param {number} id
 * @param {Mark | null} mark
 */
export function marked(state, id, mark) {
  const same = markOf(state, id) === mark;
  const right = state.right.filter((other) => other !== id);
  const wrong = state.wrong.filter((other) => other !== id);
  if (!same && mark) (mark === "right" ? right : wrong).push(id);
  return { right, wrong };
}

/** The bar with all that is marked. */
export class Marks {
  /**
   * @param {object} calls
   * @param {(id: number) => void} calls.takeOff
   * @param {() => void} calls.again  The next round.
   * @param {() => void} calls.clear
   */
  constructor(calls) {
    this.calls = calls;
    this.bar = byId("marks");
    this.list = byId("marked");
    byId("again").addEventListener("click", calls.again);
    byId("unmark").addEventListener("click", calls.clear);
  }

  /** @param {State} state */
  show(state) {
    const { right, wrong, more, less } = state;
    const some = right.length + wrong.length > 0;
    const another = right.join() !== more.join() || wrong.join() !== less.join();
    const held = this.bar.contains(document.activeElement);
    this.bar.hidden = !some && !another;
    document.documentElement.classList.toggle("marking", !this.bar.hidden);
    const count = `${words.number(right.length)} right, ${words.number(wrong.length)} wrong`;
    byId("marks-count").textContent = count;
    byId("again").hidden = !another;
    byId("marks-note").hidden = another;
    this.list.replaceChildren(
      ...right.map((id) => this.#one(id, "right")),
      ...wrong.map((id) => this.#one(id, "wrong")),
    );
    // What had the focus is perhaps gone.
    if (held && !this.bar.contains(document.activeElement) && !this.bar.hidden) {
      (this.list.querySelector("button") ?? byId("again")).focus();
    }
  }

  /**
   * @param {number} id
   * @param {Mark} mark
   */
  #one(id, mark) {
    const image = make("img", { alt: "", draggable: false, src: `/api/v1/items/${id}/thumbnail` });
    // A caption has no picture.
    image.addEventListener("error", () => image.replaceWith(icon("quote")), { once: true });
    const title = `Take off: ${mark}, item ${id}`;
    const button = make(
      "button",
      { type: "button", className: mark, title: "Take the mark off", "aria-label": title },
      image,
      icon(mark === "right" ? "check" : "cross"),
    );
    button.addEventListener("click", () => this.calls.takeOff(id));
    return make("li", {}, button);
  }
}
