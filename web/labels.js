// @ts-check
// Words for what a picture shows, each of them a search of its own.

import { byId, isPlain, make } from "./dom.js";
import { NOTHING, address } from "./location.js";

/**
 * Shows the words of an answer; none where it is not about a picture.
 * @param {import("./api.js").Answer} answer
 * @param {(text: string) => void} ask
 */
export function showLabels({ labels }, ask) {
  const items = labels.map(({ text, score }) => {
    const link = make("a", {
      href: address({ ...NOTHING, q: text }),
      textContent: text,
      title: `Search for “${text}”. Score ${score.toFixed(2)}`,
    });
    link.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (!isPlain(event)) return;
      event.preventDefault();
      ask(text);
    });
    const item = make("li", {});
    item.append(link);
    return item;
  });
  byId("labels").replaceChildren(...items);
  byId("labels").hidden = !items.length;
}
