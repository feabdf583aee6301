// A click on a heading sorts its table by that column, a second one the other way.
for (const button of document.querySelectorAll("thead button")) {
  const heading = button.closest("th");
  const body = heading.closest("table").tBodies[0];
  button.addEventListener("click", () => {
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const value = (row) => row.cells[heading.cellIndex].dataset.value;
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    // Classes without a figure stay last either way.
    const compare = (a, b) => (value(a) === "") - (value(b) === "")
      || sign * (value(a) - value(b));
    body.append(...[...body.rows].sort(compare));
  });
}
