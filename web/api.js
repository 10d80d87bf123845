// @ts-check
// The HTTP interface, as documented at /openapi/.

/** @typedef {"image" | "text" | "video"} Modality */
/** @typedef {"image" | "picture" | "moment" | "text" | "video" | "all"} Target */
/** @typedef {"score" | "newest" | "oldest"} Sort */
/** @typedef {"strong" | "weak" | "nothing"} Verdict */
/**
 * @typedef {object} Picture
 * @property {number} id
 * @property {string} kind
 * @property {Modality} modality
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
 * @property {Modality} modality
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
 * @property {string[]} [tags]
 */
/**
 * @typedef {object} Reason
 * @property {"picture" | "moment" | "film" | "caption" | "subtitle" | "name"} part
 * @property {number} score
 * @property {boolean} literal
 * @property {string | null} text
 * @property {number | null} item
 */
/**
 * @typedef {object} Scene
 * @property {number} start_ms
 * @property {number} end_ms
 * @property {number} best_ms
 * @property {number} score
 * @property {number} moment
 * @property {string} thumbnail
 */
/**
 * @typedef {object} Hit
 * @property {number | null} score
 * @property {number | null} probability
 * @property {Reason[]} reasons
 * @property {boolean} favourite
 * @property {Item} item
 * @property {{score: number, item: Item}[]} group
 * @property {Scene[]} scenes
 */
/**
 * @typedef {object} Answer
 * @property {Target} target
 * @property {Hit[]} hits
 * @property {number} searched
 * @property {Verdict | null} verdict
 * @property {number | null} likely
 * @property {string | null} next
 * @property {{text: string, score: number}[]} labels
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

const API = "/api/v1";

/** What the service, or its silence, says went wrong; `status` is 0 where nothing answered. */
export class Failure extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {number | null} [position]  The character of the query at fault, counted from 0.
   */
  constructor(status, message, position = null) {
    super(message);
    this.status = status;
    this.position = position;
  }

  /** Whether the same request may work later. */
  get passing() {
    return this.status === 0 || this.status >= 500;
  }
}

// How different from one another "varied" results are to be.
const DIVERSITY = 0.4;

/**
 * Returns the best items for the query, or what follows them.
 * @param {import("./location.js").State} query
 * @param {Blob | null} picture
 * @param {number} k
 * @param {string | null} [cursor]  `next` of the answer before.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export async function search(query, picture, k, cursor, signal) {
  const { q, target, like, more, less, sort, collapse, varied } = query;
  const options = {
    ...(q && { q }),
    k,
    target,
    ...(sort !== "score" && { sort }),
    ...(collapse && { collapse }),
    ...(varied && { diversity: DIVERSITY }),
    ...(cursor && { cursor }),
  };
  if (more.length || less.length) {
    const terms = [
      ...(like === null ? [] : [{ item: like }]),
      ...(picture ? [{ image: await inBase64(picture) }] : []),
    ];
    return send("/query", { ...options, terms, more, less }, signal);
  }
  const fields = Object.entries(options).map(([name, value]) => [name, String(value)]);
  if (picture) {
    const form = new FormData();
    for (const [name, value] of fields) form.set(name, value);
    form.set("image", picture);
    return ask("/search", { method: "POST", body: form, signal });
  }
  if (like !== null) fields.push(["like", String(like)]);
  return ask(`/search?${new URLSearchParams(fields)}`, { signal });
}

/**
 * Returns where in a film something is to be seen.
 * @param {number} id  Of the film, or of a moment of it.
 * @param {string} q
 * @param {AbortSignal} signal
 * @returns {Promise<{moments: (Scored)[], scenes: Scene[]}>}
 */
export const timeline = (id, q, signal) =>
  ask(`/items/${id}/timeline?${new URLSearchParams({ q })}`, { signal });

/** @typedef {{id: number, start_ms: number, end_ms: number, score: number, smooth: number}} Scored */

/** @returns {Promise<{tags: {name: string, items: number}[]}>} */
export const tags = () => ask("/tags");

/**
 * Gives an item tags and takes others away; a moment's are its film's.
 * @param {number} id
 * @param {{add?: string[], remove?: string[]}} change
 */
export const tag = (id, change) => send("/tags", { items: [id], ...change });

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
 * @param {object} body
 * @param {AbortSignal} [signal]
 */
const send = (path, body, signal) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function inBase64(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(blob);
  });
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
    body?.error?.position ?? null,
  );
}
