// @ts-check
// Geometry of a justified grid: rows as wide as the page, of nearly the same height.

/** @typedef {{left: number, top: number, width: number, height: number, row: number}} Box */

// Beyond these a tile shows the middle of its picture: a panorama must not be a thread.
const NARROWEST = 0.56;
const WIDEST = 2.8;

// A last row that is nearly full is stretched; one with less keeps the height of the others.
const STRETCH = 1.3;

/**
 * Returns a box for each ratio, in order.
 *
 * A row is closed where its height comes closest to the wanted one, which depends only on the
 * pictures up to there: more pictures at the end move nothing but the last row.
 *
 * @param {number[]} ratios  Width by height of each picture.
 * @param {number} width
 * @param {{height: number, gap: number, maxRows?: number}} wanted  With `maxRows`, whole rows only.
 * @returns {{boxes: Box[], height: number}}
 */
export function justify(ratios, width, { height, gap, maxRows = Infinity }) {
  /** @type {Box[]} */
  const boxes = [];
  const shapes = ratios.map((ratio) => Math.min(WIDEST, Math.max(NARROWEST, ratio || 1)));
  /** @param {number} from @param {number} to */
  const fitting = (from, to) => {
    const sum = shapes.slice(from, to).reduce((total, shape) => total + shape, 0);
    return (width - gap * (to - from - 1)) / sum;
  };
  let top = 0;
  let row = 0;
  let from = 0;
  while (from < shapes.length && row < maxRows) {
    let to = from + 1;
    while (to < shapes.length && fitting(from, to) > height) to += 1;
    let fit = fitting(from, to);
    const without = to - from > 1 ? fitting(from, to - 1) : Infinity;
    if (fit <= height && without / height < height / fit) {
      to -= 1;
      fit = without;
    }
    if (fit > height * STRETCH && to === shapes.length) {
      if (row && maxRows < Infinity) break;
      fit = height;
    }
    fit = Math.round(fit);
    let left = 0;
    for (let index = from; index < to; index += 1) {
      const right = left + fit * shapes[index];
      const end =
        index === to - 1 && Math.abs(right - width) < to - from ? width : Math.round(right);
      boxes.push({ left: Math.round(left), top, width: end - Math.round(left), height: fit, row });
      left = right + gap;
    }
    top += fit + gap;
    row += 1;
    from = to;
  }
  return { boxes, height: Math.max(0, top - gap) };
}

/**
 * Returns the height of a row that suits a page of this width.
 * @param {number} width
 */
export function rowHeight(width) {
  return width < 600 ? 124 : Math.min(250, Math.max(170, width / 5.8));
}

/**
 * Returns the index that a key moves to: the same one at an edge, -1 above the first row.
 * @param {Box[]} boxes
 * @param {number} index
 * @param {string} key
 */
export function moved(boxes, index, key) {
  const last = boxes.length - 1;
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, index - 1);
    case "ArrowRight":
      return Math.min(last, index + 1);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return nearest(boxes, index, key === "ArrowDown" ? 1 : -1);
  }
}

/**
 * @param {Box[]} boxes
 * @param {number} index
 * @param {number} step
 */
function nearest(boxes, index, step) {
  const here = boxes[index];
  const row = here.row + step;
  if (row < 0) return -1;
  /** @param {Box} box */
  const away = (box) => Math.abs(box.left + box.width / 2 - here.left - here.width / 2);
  let best = index;
  boxes.forEach((box, other) => {
    if (box.row === row && (best === index || away(box) < away(boxes[best]))) best = other;
  });
  return best;
}
