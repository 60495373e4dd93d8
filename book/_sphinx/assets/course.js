// What scrolls sideways must be reachable from the keyboard; what does not should not be a stop.
function markScrollers() {
  // A formula in a line cannot break: one wider than its paragraph scrolls too.
  for (const formula of document.querySelectorAll("span.math")) {
    const room = formula.closest("p, li, td, dd, figcaption, div")?.clientWidth ?? Infinity;
    formula.classList.toggle("math-scroll", formula.firstElementChild.scrollWidth > room);
  }
  const boxes = ".math-scroll, .bd-article pre, .bd-article .pst-scrollable-table-container";
  for (const box of document.querySelectorAll(boxes)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", markScrollers);
addEventListener("resize", markScrollers);
document.fonts.ready.then(markScrollers);
