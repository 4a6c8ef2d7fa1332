"use strict";
// Without this script the page is whole; with it tables sort, and the note of a mark can be kept open and copied.
document.documentElement.classList.add("js");

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column, order) => {
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", order);
    const keys = new Map(rows.map((row) => [row, key(row.cells[column])]));
    body.append(...[...rows].sort((a, b) => compare(keys.get(a), keys.get(b), order === "ascending" ? 1 : -1)));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const rising = head.classList.contains("text") || /\brank/.test(button.textContent);
    const first = rising ? "ascending" : "descending"; // the best on top
    const other = rising ? "descending" : "ascending";
    button.addEventListener("click", () => sort(column, head.getAttribute("aria-sort") === first ? other : first));
  });
  if (heads[0].textContent === "rank") heads[0].setAttribute("aria-sort", "ascending");
}

// A cell's number, the first of an interval; its text where the column is one; null for a dash.
function key(cell) {
  const text = cell.textContent.trim();
  if (text === "–" || text === "") return null;
  if (cell.classList.contains("text")) return text;
  const found = text.replaceAll("−", "-").match(/[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?/i);
  return found ? Number(found[0].replaceAll(",", "")) : null;
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null); // without a value: always last
  return sign * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
}

const note = document.createElement("div");
note.className = "note";
note.setAttribute("role", "status");
document.body.append(note);
document.addEventListener("click", (event) => {
  if (note.contains(event.target)) return;
  let mark = event.target.closest("figure svg *");
  while (mark && !(mark.firstElementChild instanceof SVGTitleElement)) mark = mark.parentElement.closest("figure svg *");
  note.textContent = mark ? mark.firstElementChild.textContent : "";
  if (!mark) return;
  const room = document.documentElement.clientWidth - note.offsetWidth - 8;
  note.style.left = `${window.scrollX + Math.max(8, Math.min(event.clientX + 8, room))}px`;
  note.style.top = `${window.scrollY + event.clientY + 12}px`;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") note.textContent = "";
});
