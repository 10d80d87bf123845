// @ts-check
// The two sheets: keys, and the files that could not be read.

import * as api from "./api.js";
import { byId, make } from "./dom.js";
import * as words from "./words.js";

/** Makes the sheets' own buttons work, and a click beside a sheet close it. */
export function prepare() {
  for (const sheet of /** @type {NodeListOf<HTMLDialogElement>} */ (
    document.querySelectorAll("dialog.sheet")
  )) {
    sheet.addEventListener("click", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (target === sheet || target.closest("[data-close]")) sheet.close();
    });
  }
  byId("help-button").addEventListener("click", help);
  byId("skipped-button").addEventListener("click", skipped);
}

export function help() {
  if (!document.querySelector("dialog[open]")) byId("help").showModal();
}

async function skipped() {
  const note = byId("skipped-note");
  const files = byId("skipped-files");
  note.textContent = "Reading the list …";
  const partial = byId("partial-files");
  files.replaceChildren();
  partial.replaceChildren();
  byId("partial-title").hidden = true;
  byId("skipped").showModal();
  try {
    const answer = await api.skipped();
    files.replaceChildren(...answer.skipped.map(remark));
    partial.replaceChildren(...answer.partial.map(remark));
    byId("partial-title").hidden = !answer.partial_total;
    byId("partial-title").textContent =
      `${words.count(answer.partial_total, "file")} read in part: what was read can be found`;
    const rest = answer.total - answer.skipped.length;
    note.textContent =
      `${words.count(answer.total, "file")} could not be read and cannot be found.` +
      (rest > 0 ? ` The first ${words.number(answer.skipped.length)} are listed.` : "");
  } catch (error) {
    if (!(error instanceof api.Failure)) throw error;
    note.textContent = error.message;
  }
}

/** @param {api.Remark} remark */
function remark({ path, reason }) {
  return make(
    "li",
    {},
    make("span", { className: "file", textContent: path }),
    make("span", { className: "reason", textContent: reason }),
  );
}
