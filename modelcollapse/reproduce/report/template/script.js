"use strict";
(() => {
  const form = document.getElementById("filter");
  const count = document.getElementById("count");
  const theorems = [...document.querySelectorAll("article.theorem")];
  const rooms = [...document.querySelectorAll("section.room")];

  // Nothing ticked in a group stands for all of it.
  const ticked = (group) => {
    const boxes = [...form.querySelectorAll(`input[name="${group}"]:checked`)];
    return new Set(boxes.map((box) => box.value));
  };

  const apply = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const groups = ["status", "room", "kind"].map((group) => [group, ticked(group)]);
    let shown = 0;
    for (const theorem of theorems) {
      const fits =
        words.every((word) => theorem.dataset.words.includes(word)) &&
        groups.every(([group, chosen]) => !chosen.size || chosen.has(theorem.dataset[group]));
      theorem.hidden = !fits;
      shown += fits;
    }
    for (const room of rooms) {
      room.hidden = !room.querySelector("article.theorem:not([hidden])");
    }
    const all = theorems.length;
    count.textContent =
      shown === all ? `Showing all ${all} theorems.` : `Showing ${shown} of ${all} theorems.`;
  };

  // A link to a theorem that is filtered away shows it.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) {
      form.reset();
      apply();
      target.scrollIntoView();
    }
  };

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  addEventListener("hashchange", reveal);
  form.hidden = false;
  apply();
  reveal();
})();
