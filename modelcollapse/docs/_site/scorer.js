// Pages come first whose titles say the words, as in "real data", pictures after guides, and then
// theorems whose names do, as in "KDE collapse replace".
const asked = (new URLSearchParams(location.search).get("q") || "").toLowerCase().match(/\w+/g) || [];
var Scorer = {
  score: ([docname, title, anchor, , score]) => {
    if (docname === "quantities" && asked.length === 1) return score + 20; // what one word means
    const said = (words) => asked.filter((word) => words.toLowerCase().includes(word)).length;
    const guide = !docname.startsWith("reference/") && !anchor && said(title) === asked.length;
    if (guide) return score + (docname.startsWith("pictures/") ? 20 : 30);
    if (!docname.startsWith("reference/ledger/") || anchor) return score;
    return score + 5 * said(`${docname} ${keywords[docname] || ""}`);
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
