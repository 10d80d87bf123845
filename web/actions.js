// @ts-check
// What can be done with a result in the detail view: searches that go on from it, and its original.

import * as api from "./api.js";
import { icon, isPlain, make } from "./dom.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./api.js").Target} Target */

/** @type {Record<string, [Target, string, string][]>} */
const LIKE = {
  picture: [
    ["image", "similar", "Similar pictures"],
    ["text", "quote", "Captions for this picture"],
  ],
  moment: [
    ["image", "similar", "Similar pictures"],
    ["video", "film", "Films like this"],
    ["text", "quote", "Captions for this moment"],
  ],
  film: [
    ["video", "film", "Films like this"],
    ["image", "similar", "Pictures like this film"],
    ["text", "quote", "Captions for this film"],
  ],
  caption: [
    ["image", "similar", "Pictures for this caption"],
    ["text", "quote", "Similar captions"],
  ],
};

/** @param {Item} item */
function kindOf(item) {
  if (item.modality === "text") return "caption";
  if (item.modality === "video") return "film";
  return item.film === null ? "picture" : "moment";
}

/**
 * Returns the links to what is like an item.
 * @param {Item} item
 * @param {object} calls
 * @param {(id: number, target: Target) => void} calls.like
 * @param {(id: number, target: Target) => string} calls.hrefLike
 * @returns {HTMLElement[]}
 */
export function likeLinks(item, { like, hrefLike }) {
  return LIKE[kindOf(item)].map(([target, drawing, text]) => {
    const link = make("a", { className: "action", href: hrefLike(item.id, target) });
    link.append(icon(drawing), text);
    link.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (!isPlain(event)) return;
      event.preventDefault();
      like(item.id, target);
    });
    return link;
  });
}

/**
 * Returns the link to the file itself, if there is one to see.
 * @param {Item} item
 * @returns {HTMLElement[]}
 */
export function openOriginal(item) {
  const id = item.modality === "text" ? item.picture?.id : item.id;
  if (id === undefined) return [];
  const href = api.original(id);
  const open = make("a", { className: "action", href, target: "_blank", rel: "noopener" });
  open.append(icon("open"), "Open original");
  return [open];
}
