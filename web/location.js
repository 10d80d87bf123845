// @ts-check
// What the page shows, as an address: everything but an uploaded picture, which stays in this tab.

/**
 * @typedef {object} State
 * @property {string} q
 * @property {import("./api.js").Target} target
 * @property {number | null} like  An item to search by.
 * @property {number | null} item  The item shown large.
 * @property {string | null} upload  The kept picture to search by; see upload.js.
 */

/** The start page. @type {Readonly<State>} */
export const NOTHING = { q: "", target: "image", like: null, item: null, upload: null };

/**
 * Returns the state of an address; what makes no sense in it is left out.
 * @param {string} query  As in location.search.
 * @param {any} kept  As in history.state.
 * @returns {State}
 */
export function read(query, kept) {
  const given = new URLSearchParams(query);
  return {
    q: (given.get("q") ?? "").trim(),
    target: targetOf(given.get("target")),
    like: id(given.get("like")),
    item: id(given.get("item")),
    upload: typeof kept?.upload === "string" ? kept.upload : null,
  };
}

/**
 * Returns the address of a state, relative to the page.
 * @param {State} state
 */
export function address(state) {
  const given = new URLSearchParams();
  if (state.q) given.set("q", state.q);
  if (state.like !== null) given.set("like", String(state.like));
  if (state.target !== "image") given.set("target", state.target);
  if (state.item !== null) given.set("item", String(state.item));
  const query = given.toString();
  return query ? `/?${query}` : "/";
}

/**
 * Returns the same text for states that have the same results.
 * @param {State} state
 */
export const queryKey = ({ q, target, like, upload }) => JSON.stringify([q, target, like, upload]);

/**
 * Returns whether there is anything to search for.
 * @param {State} state
 */
export const asks = (state) => Boolean(state.q || state.like !== null || state.upload);

/**
 * Returns the target of that name, pictures where there is none.
 * @param {string | null} name
 * @returns {import("./api.js").Target}
 */
export const targetOf = (name) => (name === "text" || name === "video" ? name : "image");

/** @param {string | null} text */
function id(text) {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
