// @ts-check
// The small sign on what comes from a film: when, or how long.

import { icon, make } from "./dom.js";
import * as words from "./words.js";

/**
 * Returns the sign of a result: of a moment or a subtitle its time, of a film its length.
 * @param {import("./api.js").Item} item
 */
export function badge(item) {
  const at = atMs(item);
  if (at !== null) return sign("play", words.clock(at));
  if (item.modality !== "video") return null;
  return sign("film", item.duration_ms === null ? "Film" : words.length(item.duration_ms));
}

/** Returns the sign of a still that has a moving part. */
export const live = () => sign("live", "Live");

/**
 * Returns where in its film an item is looked at: a subtitle from its first word on.
 * @param {import("./api.js").Item} item
 */
export const atMs = (item) => (item.modality === "text" ? item.start_ms : item.best_ms);

/**
 * @param {string} drawing
 * @param {string} text
 */
const sign = (drawing, text) =>
  make("span", { className: "badge", "aria-hidden": "true" }, icon(drawing), text);
