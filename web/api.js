// @ts-check
// The HTTP interface, as documented at /openapi/.

/**
 * @typedef {object} Picture
 * @property {number} id
 * @property {string} path
 * @property {number | null} width
 * @property {number | null} height
 * @property {string} thumbnail
 */
/**
 * @typedef {object} Item
 * @property {number} id
 * @property {"image" | "caption"} kind
 * @property {string} path
 * @property {number} position
 * @property {number | null} width
 * @property {number | null} height
 * @property {string | null} text
 * @property {Picture | null} picture
 * @property {string | null} thumbnail
 * @property {string | null} media
 * @property {Item[]} [captions]
 */
/** @typedef {{score: number, item: Item}} Hit */
/**
 * @typedef {object} Answer
 * @property {"image" | "text"} target
 * @property {Hit[]} hits
 * @property {number} searched
 * @property {string} model
 * @property {{embed: number, search: number, fetch: number}} took_ms
 */
/**
 * @typedef {object} Status
 * @property {string} version
 * @property {{name: string, fingerprint: string, dim: number}} model
 * @property {{image: number, text: number}} items
 * @property {number} skipped
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
 * Returns the item, a picture with its captions.
 * @param {number} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<Item>}
 */
export const item = (id, signal) => ask(`/items/${id}`, { signal });

/** @returns {Promise<Status>} */
export const status = () => ask("/status");

/** @returns {Promise<{skipped: {path: string, reason: string}[], total: number}>} */
export const skipped = () => ask("/skipped?limit=1000");

/** @param {number} id */
export const original = (id) => `${API}/items/${id}/media`;

/**
 * Returns the address of a preview that fills a screen.
 * @param {string} thumbnail
 */
export const large = (thumbnail) => `${thumbnail}?size=large`;

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
