// @ts-check
// What is known of a result, as names and values to read.

import { byId, make } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./api.js").Facts} Facts */

const BY = { name: ", by its name", mtime: ", by the file’s date" };
const A_DAY_S = 86_400;

/** @typedef {[string, string][]} Named */

/**
 * Returns what a search tells of a result.
 * @param {Item} item
 * @param {import("./api.js").Hit | null} hit
 */
export function factsOf(item, hit) {
  const { path, member, width, height } = item.picture ?? item;
  return known([
    ["File", path],
    ["Entry", member && words.entry(member)],
    ["Page", words.page(item)?.toString()],
    ["Copies", item.copies.join("\n")],
    ["Size", width && height ? `${width} × ${height}` : null],
    ["Time", stretch(item)],
    ["Words", item.origin && words.origin(item.origin)],
    ["Score", hit && hit.score !== null ? words.score(hit.score) : null],
    ["Likely", hit && hit.probability !== null ? `${words.share(hit.probability)}, by its looks alone` : null],
  ]);
}

/**
 * Returns what the file of a picture or film tells of itself.
 * @param {Item} whole
 */
export function fileFactsOf({ facts, companions }) {
  return known([
    ["Taken", facts && taken(facts)],
    ["Camera", facts && facts.camera],
    ["Place", facts && place(facts)],
    ["Length", facts?.duration_ms ? words.length(facts.duration_ms) : null],
    ["Codec", facts && facts.codec],
    ["Beside", (companions ?? []).join("\n")],
    ["Note", facts && facts.note],
  ]);
}

/**
 * Shows facts in a list of the detail view, or hides the list where there are none.
 * @param {string} id
 * @param {Named} facts
 */
export function showFacts(id, facts) {
  byId(id).hidden = !facts.length;
  byId(id).replaceChildren(
    ...facts.map(([name, value]) =>
      make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value })),
    ),
  );
}

/**
 * @param {[string, string | null | undefined][]} named
 * @returns {Named}
 */
const known = (named) => /** @type {Named} */ (named.filter(([, value]) => value));

/** @param {Item} item */
function stretch({ start_ms, end_ms }) {
  if (start_ms === null || end_ms === null) return null;
  const [from, to] = [words.clock(start_ms), words.clock(end_ms)];
  return from === to ? from : `${from} – ${to}`;
}

/** @param {Facts} facts */
function taken({ taken_at, taken_within_s, taken_from, utc_offset_min }) {
  if (!taken_at) return null;
  const within = taken_within_s ?? 0;
  /** @type {Intl.DateTimeFormatOptions} */
  const known = { timeZone: "UTC", year: "numeric" };
  if (within < 100 * A_DAY_S) known.month = "long";
  if (within < 10 * A_DAY_S) known.day = "numeric";
  const hour = within < A_DAY_S / 2;
  if (hour) Object.assign(known, { hour: "2-digit", minute: "2-digit" });
  const date = new Intl.DateTimeFormat("en-GB", known).format(new Date(`${taken_at}Z`));
  const zone = hour && utc_offset_min !== null ? ` (${offset(utc_offset_min)})` : "";
  return date + zone + (BY[/** @type {keyof typeof BY} */ (taken_from)] ?? "");
}

/** @param {number} minutes */
function offset(minutes) {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  if (!minutes) return "UTC";
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** @param {Facts} facts */
function place({ latitude, longitude }) {
  if (latitude === null || longitude === null) return null;
  const north = `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? "S" : "N"}`;
  return `${north}, ${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? "W" : "E"}`;
}
