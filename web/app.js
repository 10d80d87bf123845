// @ts-check
// The page: one state, kept in the address; everything on screen follows from it.

import { Failure } from "./api.js";
import { Chip } from "./chip.js";
import { Detail } from "./detail.js";
import * as dialogs from "./dialogs.js";
import { byId, isPlain } from "./dom.js";
import { Field } from "./field.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { Journey } from "./journey.js";
import * as keys from "./keys.js";
import { lookedFor } from "./language.js";
import { address, asks, known, NOTHING, queryKey, UNMARKED } from "./location.js";
import { Results } from "./results.js";
import { Rounds } from "./rounds.js";
import { Searching } from "./searching.js";
import { Start } from "./start.js";
import { Terms } from "./terms.js";
import * as upload from "./upload.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Hit} Hit */

const TYPING_MS = 150;
// The results are fetched on when so few are left to leaf through.
const NEARLY_ALL = 6;

const journey = new Journey(({ asked, came, typed }) => {
  if (asked) ask(came, typed);
  paint();
});

const tiles = {
  open: (/** @type {number} */ id) => journey.open(id),
  href: (/** @type {number} */ id) => address({ ...journey.state, item: id }),
  leave: toSearch,
};

/** What the start page shows. @type {Hit[]} */
let glimpse = [];
const glimpseGrid = new Grid(byId("glimpse-grid"), tiles, 3);

const results = new Results({
  ...tiles,
  judge: (id, mark) => rounds.judge(id, mark),
  markOf: (id) => rounds.markOf(id),
  more: () => searching.more(journey.state),
  retry: () => searching.run(journey.state),
  clear,
  ask: (text) => journey.go({ ...NOTHING, q: text }),
  mend: ({ position }) => field.mistake.select(journey.state.q, position ?? 0),
});

const rounds = new Rounds(journey, () => results.focusNext());

const searching = new Searching({
  picture: upload.recall,
  answered: (answer) => {
    field.mistake.clear();
    results.show(journey.state, answer);
    placeDetail();
  },
  failed: (failure, following) => {
    if (following) {
      results.failMore(failure);
      return;
    }
    results.fail(failure, journey.typing);
    if (failure.position === null) field.mistake.clear();
    else field.mistake.show(journey.state.q, failure.position);
  },
  busy: (busy) => results.busy(busy, journey.state),
});

const chip = new Chip(() => {
  journey.go({ like: null, upload: null });
  toSearch();
});

const field = new Field({
  typed: (q) => {
    const before = journey.state.q;
    if (q === before) return;
    // Marks belong to what is looked for; filters may change under them.
    journey.type(lookedFor(q) === lookedFor(before) ? { q } : { q, ...UNMARKED });
  },
  rests: () => journey.settle(),
  asked: () => {
    journey.settle();
    const { state } = journey;
    if (asks(state) && results.answered !== queryKey(state)) searching.run(state);
  },
  clear,
  down: () => {
    if (shown().length) list().focus(0);
    return shown().length > 0;
  },
  chosen: searchBy,
});

/** @param {Partial<import("./location.js").State>} change */
const change = (change) => journey.go({ ...change, item: null });

const terms = new Terms(change);
const filters = new Filters({ change, folders: () => results.folders() });

const start = new Start({
  search: (q) => journey.go({ ...NOTHING, q }),
  glimpse: (hits) => {
    glimpse = hits;
    glimpseGrid.show(hits);
    placeDetail();
  },
});

const detail = new Detail({
  step,
  closed: () => {
    const id = journey.state.item;
    journey.close();
    detail.close();
    if (id !== null) list().focusItem(id);
  },
  like: (id, target) => {
    results.focusNext();
    journey.go({ ...lasting(), like: id, target });
  },
  hrefLike: (id, target) => address({ ...lasting(), like: id, target }),
  search: (q) => {
    results.focusNext();
    journey.go({ ...lasting(), q });
  },
  href: tiles.href,
  open: tiles.open,
  judge: (id, mark) => asks(journey.state) && rounds.judge(id, mark),
  markOf: (id) => rounds.markOf(id),
  liked: (ids, favourite) => {
    searching.mark(ids, favourite);
    results.label();
  },
  lookedFor: () => {
    const { q, like } = journey.state;
    return [lookedFor(q), like === null ? "" : `like:${like}`].join(" ").trim();
  },
});

// --- from the state to the screen

/**
 * @param {boolean} came
 * @param {boolean} typed
 */
function ask(came, typed) {
  if (!asks(journey.state)) {
    searching.stop();
    results.clear();
    field.mistake.clear();
  } else if (!came || !searching.again(journey.state)) {
    searching.run(journey.state, typed ? TYPING_MS : 0);
  }
}

function paint() {
  const { q, target, like, upload } = journey.state;
  const asking = asks(journey.state);
  const wanted = target === "all" ? "library" : `${words.KINDS[target]}s`;
  field.show(q, like !== null || upload ? "Add words" : `Search your ${wanted}`);
  byId("target").value = target;
  byId("clear").hidden = !asking;
  byId("start").hidden = asking;
  byId("results").hidden = !asking;
  document.title = q ? `${q} – atisbo` : "atisbo";
  chip.show(journey.state);
  terms.show(journey.state);
  filters.show(journey.state);
  rounds.show();
  results.label();
  if (!asking) start.showGlimpse();
  placeDetail();
}

/** The hits on screen. */
const shown = () => (asks(journey.state) ? results.hits : glimpse);

/** The list of the hits on screen. */
function list() {
  if (!asks(journey.state)) return glimpseGrid;
  return results.list;
}

function placeDetail() {
  const id = journey.state.item;
  if (id === null) {
    detail.close();
    return;
  }
  const hits = shown();
  const index = hits.findIndex((hit) => hit.item.id === id);
  const next = hits[index + 1]?.item;
  const place = {
    index,
    total: hits.length,
    hit: hits[index],
    next: (next?.picture ?? next)?.thumbnail ?? null,
  };
  detail.open(id, hits[index]?.item ?? null, index < 0 ? null : place);
}

/** @param {number} by */
function step(by) {
  const hits = shown();
  const index = hits.findIndex((hit) => hit.item.id === journey.state.item);
  const next = index < 0 ? undefined : hits[index + by];
  if (!next) return;
  journey.go({ item: next.item.id }, "replace");
  if (index + by >= hits.length - NEARLY_ALL) searching.more(journey.state);
}

// --- what the visitor does

function toSearch() {
  field.take();
}

/** Goes back to the start; returns whether there was anything to leave. */
function clear() {
  const some = asks(journey.state) || field.input.value !== "";
  if (some) {
    const { target } = journey.state;
    journey.go({ ...lasting(), target });
    field.empty();
  }
  return some;
}

/** The state that a new search begins with. */
function lasting() {
  const { collapse, varied } = journey.state;
  return { ...NOTHING, collapse, varied };
}

/** @param {File} picture */
async function searchBy(picture) {
  journey.go({ upload: await upload.keep(picture), like: null, item: null, ...UNMARKED });
}

byId("search").addEventListener("change", (/** @type {Event} */ event) => {
  const { name, value } = /** @type {HTMLSelectElement} */ (event.target);
  if (name !== "target") return;
  const target = known(words.KINDS, value, NOTHING.target);
  journey.go({ target }, asks(journey.state) ? "push" : "replace");
});
byId("home").addEventListener("click", (/** @type {MouseEvent} */ event) => {
  if (!isPlain(event)) return;
  event.preventDefault();
  journey.go(NOTHING);
});
byId("skip").addEventListener("click", (/** @type {Event} */ event) => {
  // Not by the address: its hash would be one more step for the back button.
  event.preventDefault();
  if (shown().length) list().focus(0);
  else byId("main").focus();
});
upload.listen(byId("drop"), searchBy);
keys.listen({ search: toSearch, help: dialogs.help, again: () => rounds.again() });
dialogs.prepare();

// --- begin

async function begin() {
  try {
    await start.load();
    results.moments = Boolean(start.status?.moments);
    if (!asks(journey.state)) start.showGlimpse();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    start.fail(error, begin);
  }
}

// Whoever comes back has perhaps started the service, or filled the library, meanwhile.
for (const event of ["online", "focus"]) {
  addEventListener(event, () => {
    if (results.failed) searching.run(journey.state);
    if (!start.full) begin();
  });
}

if (asks(journey.state)) searching.run(journey.state);
paint();
begin();
if (matchMedia("(hover: hover)").matches && !asks(journey.state)) {
  field.input.focus({ preventScroll: true });
}
