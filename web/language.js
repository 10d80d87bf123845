// @ts-check
// The language of queries as far as the page needs it: where each part stands, and what kind it is.
//
// The service reads queries, and says what is wrong with them; docs/asking.md has the language. What
// is chosen on the page is written into the text, so the text is all there is to a query.

/**
 * @typedef {object} Part
 * @property {"words" | "term" | "phrase" | "filter" | "like"} kind  Words are plain ones only.
 * @property {number} start
 * @property {number} end
 * @property {string} sign  "-", "+" or none.
 * @property {number | null} weight
 * @property {string} field  Of a filter, in lower case.
 * @property {string} text  What stands in it; of a filter its values, as written.
 */

const BLANKS = /\s*/y;
const WEIGHT = /(\d+(?:\.\d+)?|\.\d+):(?=[^\s\d])/y;
const FIELD = /([A-Za-z]+):(?=\S)/y;
const WORD = /\S*/y;
const VALUES = /(?:"[^"]*"|[^\s,"][^\s,]*)(?:,(?:"[^"]*"|[^\s,"][^\s,]*))*/y;
const PHRASE = /"[^"]*"/y;

/**
 * Returns the parts of a query, in order; of one that is not of the language, those before the fault.
 * @param {string} text
 * @returns {Part[]}
 */
export function partsOf(text) {
  /** @type {Part[]} */
  const parts = [];
  let at = 0;
  /** @param {RegExp} what */
  const take = (what) => {
    what.lastIndex = at;
    const found = what.exec(text);
    if (found) at += found[0].length;
    return found;
  };
  for (take(BLANKS); at < text.length; take(BLANKS)) {
    const start = at;
    const sign = /^[-+][^\s+-]/.test(text.slice(at)) ? text[at] : "";
    at += sign.length;
    const weighed = take(WEIGHT);
    const weight = weighed && Number(weighed[1]);
    const lone = !sign && weight === null;
    /** @type {Pick<Part, "kind" | "field" | "text"> | null} */
    let part = null;
    if (text[at] === '"') {
      const phrase = take(PHRASE);
      part = phrase && { kind: "phrase", field: "", text: phrase[0].slice(1, -1) };
    } else if (text[at] === "(") {
      const end = closing(text, at);
      part = end ? { kind: "term", field: "", text: text.slice(at + 1, end - 1).trim() } : null;
      at = end;
    } else {
      const named = take(FIELD);
      const value = named ? take(VALUES) : take(WORD);
      const field = named?.[1].toLowerCase() ?? "";
      const kind = field === "like" ? "like" : named ? "filter" : lone ? "words" : "term";
      part = value && { kind, field, text: value[0] };
    }
    if (!part) break;
    parts.push({ ...part, start, end: at, sign, weight });
  }
  return parts;
}

/**
 * Returns where the parenthesis that begins here has its end, 0 where it has none.
 * @param {string} text
 * @param {number} from
 */
function closing(text, from) {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    else if (text[at] === ")") depth -= 1;
    if (!depth) return at + 1;
  }
  return 0;
}

/**
 * Returns the query without one of its parts.
 * @param {string} text
 * @param {Part} part
 */
export function without(text, part) {
  const before = text.slice(0, part.start).trimEnd();
  const after = text.slice(part.end).trimStart();
  return before && after ? `${before} ${after}` : before + after;
}

/**
 * Returns the filter of that field as it stands in the query: `values` with "-" before it where it
 * is turned round. Null where there is none.
 * @param {string} text
 * @param {string} field
 */
export function filterOf(text, field) {
  const part = filtersOf(text, field)[0];
  return part ? (part.sign === "-" ? "-" : "") + part.text : null;
}

/**
 * Returns the query with this filter in place of those that it has of the field.
 * @param {string} text
 * @param {string} field
 * @param {string} value  With "-" before it to turn it round; nothing for no such filter.
 */
export function withFilter(text, field, value) {
  let rest = text.trim();
  for (const part of filtersOf(rest, field).reverse()) rest = without(rest, part);
  if (!value) return rest;
  const turned = value.startsWith("-");
  const filter = `${turned ? "-" : ""}${field}:${turned ? value.slice(1) : value}`;
  // What is not closed swallows all that follows.
  const whole = partsOf(rest).at(-1)?.end === rest.length;
  return (whole ? [rest, filter] : [filter, rest]).filter(Boolean).join(" ");
}

/**
 * @param {string} text
 * @param {string} field
 */
const filtersOf = (text, field) =>
  partsOf(text).filter((part) => part.kind === "filter" && part.field === field);

/**
 * Returns a value as it must be written after the colon.
 * @param {string} value
 */
export function quoted(value) {
  const clean = value.replaceAll('"', "").trim();
  return /[\s,]/.test(clean) ? `"${clean}"` : clean;
}

/**
 * Returns the value that is written so.
 * @param {string} value
 */
export const unquoted = (value) => (/^"[^"]*"$/.test(value) ? value.slice(1, -1) : value);

/**
 * Returns what a query looks for, without its filters: the same text for queries that differ by these.
 * @param {string} text
 */
export function lookedFor(text) {
  return partsOf(text)
    .reverse()
    .reduce((rest, part) => (part.kind === "filter" ? without(rest, part) : rest), text.trim());
}

/**
 * Returns whether a query has filters.
 * @param {string} text
 */
export const isFiltered = (text) =>
  partsOf(text).some(({ kind }) => kind === "filter" || kind === "phrase");
