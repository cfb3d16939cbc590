// Theorems come first whose names say the words, as in "KDE collapse replace".
const asked = (new URLSearchParams(location.search).get("q") || "").toLowerCase().match(/\w+/g) || [];
var Scorer = {
  score: ([docname, title, anchor, , score]) => {
    if (docname === "quantities" && asked.length === 1) return score + 20; // what one word means
    if (!docname.startsWith("reference/ledger/") || anchor) return score;
    const known = `${docname} ${keywords[docname] || ""}`.toLowerCase();
    return score + 5 * asked.filter((word) => known.includes(word)).length;
  },
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
