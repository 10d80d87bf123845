// @ts-check
// Keys that work anywhere on the page.

/**
 * @param {object} calls
 * @param {() => void} calls.search  To the search field.
 * @param {() => void} calls.help
 * @param {() => boolean} calls.again  The next round with what is marked; false if nothing is.
 */
export function listen({ search, help, again }) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches?.("input:not([type=checkbox]), select, textarea")) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      search();
    } else if (event.key === "?") {
      event.preventDefault();
      help();
    } else if (event.key === "Enter" && event.shiftKey) {
      if (again()) event.preventDefault();
    } else if (event.key === "Escape" && target.closest(".grid, .captions")) {
      search();
    }
  });
}
