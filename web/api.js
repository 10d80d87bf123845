// @ts-check
// The HTTP interface, as documented at /openapi/.

/** @typedef {"image" | "text" | "video"} Target */
/**
 * @typedef {object} Picture
 * @property {number} id
 * @property {string} kind
 * @property {Target} modality
 * @property {string} path
 * @property {string | null} member
 * @property {number | null} width
 * @property {number | null} height
 * @property {string} thumbnail
 */
/**
 * @typedef {object} Moment
 * @property {number} id
 * @property {number} start_ms
 * @property {number} end_ms
 * @property {number} best_ms
 * @property {string} thumbnail
 */
/**
 * @typedef {object} Facts
 * @property {string | null} taken_at
 * @property {number | null} taken_within_s
 * @property {string | null} taken_from
 * @property {number | null} utc_offset_min
 * @property {string | null} camera
 * @property {number | null} latitude
 * @property {number | null} longitude
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} duration_ms
 * @property {string | null} codec
 * @property {string | null} note
 */
/**
 * @typedef {object} Item
 * @property {number} id
 * @property {"image" | "video" | "caption" | "shard"} kind
 * @property {Target} modality
 * @property {string} path
 * @property {string | null} member
 * @property {number} position
 * @property {number | null} start_ms
 * @property {number | null} end_ms
 * @property {number | null} best_ms
 * @property {number | null} duration_ms
 * @property {number | null} width
 * @property {number | null} height
 * @property {string | null} text
 * @property {string | null} origin
 * @property {Picture | null} picture
 * @property {number | null} film
 * @property {string | null} thumbnail
 * @property {string | null} media
 * @property {string[]} copies
 * @property {Item[]} [captions]
 * @property {Moment[]} [moments]
 * @property {string[]} [companions]
 * @property {string | null} [motion]
 * @property {Facts | null} [facts]
 */
/** @typedef {{score: number, item: Item}} Hit */
/**
 * @typedef {object} Answer
 * @property {Target} target
 * @property {Hit[]} hits
 * @property {number} searched
 * @property {string} model
 * @property {{embed: number, search: number, fetch: number}} took_ms
 */
/**
 * @typedef {object} Status
 * @property {string} version
 * @property {{name: string, fingerprint: string, dim: number}} model
 * @property {{image: number, text: number, video: number}} items
 * @property {number} moments
 * @property {number} skipped
 * @property {number} partial
 * @property {string | null} hint
 */

export const MAX_K = 200;

const API = "/api/v1";

/** What the service, or its silence, says went wrong; `status` is 0 where nothing answered. */
export class Failure extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the same request may work later. */
  get passing() {
    return this.status === 0 || this.status >= 500;
  }
}

/**
 * Returns the best items for the query.
 * @param {{q: string, target: string, like: number | null}} query
 * @param {Blob | null} picture
 * @param {number} k
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export function search(query, picture, k, signal) {
  const fields = { k: String(k), target: query.target };
  if (query.q) Object.assign(fields, { q: query.q });
  if (picture) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set("image", picture);
    return ask("/search", { method: "POST", body: form, signal });
  }
  if (query.like !== null) Object.assign(fields, { like: String(query.like) });
  return ask(`/search?${new URLSearchParams(fields)}`, { signal });
}

/**
 * Returns the item: a picture with its captions, a film with its moments as well.
 * @param {number} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<Item>}
 */
export const item = (id, signal) => ask(`/items/${id}`, { signal });

/** @returns {Promise<Status>} */
export const status = () => ask("/status");

/** @typedef {{path: string, reason: string}} Remark */
/**
 * @returns {Promise<{skipped: Remark[], total: number, partial: Remark[], partial_total: number}>}
 */
export const skipped = () => ask("/skipped?limit=1000");

/** @param {number} id */
export const original = (id) => `${API}/items/${id}/media`;

/**
 * Returns the address of a preview that fills a screen.
 * @param {string} thumbnail
 */
export const large = (thumbnail) =>
  `${thumbnail}${thumbnail.includes("?") ? "&" : "?"}size=large`;

/**
 * Returns the address of a preview of what a film shows at a time.
 * @param {number} id
 * @param {number} at_ms
 */
export const shownAt = (id, at_ms) => `${API}/items/${id}/thumbnail?at_ms=${Math.round(at_ms)}`;

/**
 * Returns why a film cannot be had, null if it can.
 * @param {string} address
 * @returns {Promise<string | null>}
 */
export async function whyNot(address) {
  try {
    const answer = await fetch(address, { headers: { Range: "bytes=0-0" } });
    if (answer.ok) return null;
    return (await answer.json())?.error?.message ?? null;
  } catch {
    return "atisbo does not answer, so the film cannot be played.";
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [request]
 * @returns {Promise<any>}
 */
async function ask(path, request) {
  let answer;
  try {
    answer = await fetch(API + path, request);
  } catch (error) {
    if (request?.signal?.aborted) throw error;
    throw new Failure(
      0,
      navigator.onLine
        ? "atisbo does not answer. If it was stopped, start it again with “atisbo serve”."
        : "This device is offline, and atisbo cannot be reached.",
    );
  }
  const body = await answer.json().catch(() => null);
  if (answer.ok && body) return body;
  throw new Failure(
    answer.status,
    body?.error?.message ?? `The service answered with status ${answer.status} and no reason.`,
  );
}
