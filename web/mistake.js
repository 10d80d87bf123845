// @ts-check
// Where a query is not of the language: marked in the search field, under the very character.

import { byId, make } from "./dom.js";

export class Mistake {
  /** @param {HTMLInputElement} input */
  constructor(input) {
    this.input = input;
    this.mirror = byId("mistake");
    for (const event of ["scroll", "focus", "blur"]) {
      input.addEventListener(event, () => this.#follow());
    }
    input.addEventListener("input", () => this.clear());
  }

  /**
   * Marks the character.
   * @param {string} q  The query, as it was sent.
   * @param {number} position  As the service counts: whole characters, from 0.
   */
  show(q, position) {
    const [from, to] = this.#place(q, position);
    const { value } = this.input;
    this.mirror.replaceChildren(
      value.slice(0, from),
      make("mark", { textContent: value.slice(from, to) || " " }),
      value.slice(to),
    );
    this.mirror.hidden = false;
    this.input.setAttribute("aria-invalid", "true");
    this.input.setAttribute("aria-describedby", "notice");
    this.#follow();
  }

  clear() {
    this.mirror.hidden = true;
    this.input.removeAttribute("aria-invalid");
    this.input.removeAttribute("aria-describedby");
  }

  /**
   * Puts the caret there.
   * @param {string} q
   * @param {number} position
   */
  select(q, position) {
    this.input.focus();
    this.input.setSelectionRange(...this.#place(q, position));
  }

  /**
   * @param {string} q
   * @param {number} position
   * @returns {[number, number]}
   */
  #place(q, position) {
    const characters = [...q];
    const blanks = this.input.value.length - this.input.value.trimStart().length;
    const from = blanks + characters.slice(0, position).join("").length;
    return [from, from + (characters[position]?.length ?? 0)];
  }

  #follow() {
    this.mirror.scrollLeft = this.input.scrollLeft;
  }
}
