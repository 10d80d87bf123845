// @ts-check
// The small signs on a result: when in a film or how long, and what else it is.

import { icon, make } from "./dom.js";
import * as words from "./words.js";

/**
 * Returns the sign of a result: of a moment or a subtitle its time, of a film its length.
 * @param {import("./api.js").Item} item
 * @param {number} [moments]  How many of the film it stands for.
 */
export function badge(item, moments = 0) {
  const at = atMs(item);
  if (moments > 1) return sign("film", words.count(moments, "moment"));
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
 * Returns a small sign; what it tells is said elsewhere as well.
 * @param {string} drawing
 * @param {string} [text]
 */
export const sign = (drawing, text = "") =>
  make(
    "span",
    { className: text ? "badge" : `badge lone ${drawing}`, "aria-hidden": "true" },
    icon(drawing),
    text,
  );
