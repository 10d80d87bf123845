// @ts-check
// The search field: typing, its keys, the picture that is chosen in it.

import { byId } from "./dom.js";
import { Mistake } from "./mistake.js";

export class Field {
  /**
   * @param {object} calls
   * @param {(q: string) => void} calls.typed
   * @param {() => void} calls.rests  What was typed is a query for good.
   * @param {() => void} calls.asked
   * @param {() => boolean} calls.clear  Returns whether there was anything to clear.
   * @param {() => boolean} calls.down  Into the results; returns whether there are any.
   * @param {(picture: File) => void} calls.chosen
   */
  constructor(calls) {
    /** @type {HTMLInputElement} */
    const input = byId("q");
    this.input = input;
    this.mistake = new Mistake(input);
    input.addEventListener("input", () => calls.typed(input.value.trim()));
    input.addEventListener("blur", calls.rests);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        if (!calls.clear()) input.blur();
      } else if (event.key === "ArrowDown" && calls.down()) {
        event.preventDefault();
      }
    });
    byId("search").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      calls.asked();
      if (matchMedia("(hover: none)").matches) input.blur(); // puts a phone's keyboard away
    });
    byId("clear").addEventListener("click", calls.clear);
    byId("choose").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", () => {
      const file = byId("file").files[0];
      byId("file").value = "";
      if (file) calls.chosen(file);
    });
  }

  /**
   * @param {string} q
   * @param {string} placeholder
   */
  show(q, placeholder) {
    if (this.input.value.trim() !== q) this.input.value = q;
    this.input.placeholder = placeholder;
  }

  /** Puts the caret there, with all words selected. */
  take() {
    this.input.focus();
    this.input.select();
  }

  empty() {
    this.input.value = "";
    this.input.focus();
  }
}
