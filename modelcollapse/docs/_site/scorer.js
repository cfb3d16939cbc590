// Theorems come first whose names say the words, as in "KDE collapse replace".
const asked = (new URLSearchParams(location.search).get("q") || "").toLowerCase().match(/\w+/g) || [];
var Scorer = {
  score: ([docname, title, anchor, , score]) =>
    docname.startsWith("reference/ledger/") && !anchor
      ? score + 5 * asked.filter((word) => docname.includes(word)).length
      : score,
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
// Pages opened as files cannot read each other, so results have no excerpts there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
