"""Has a trajectory collapsed? Eight definitions, one finding each.

The definitions are those that "Position: Model Collapse Does Not Mean What You Think"
(arXiv 2503.03150) finds in the literature; they disagree with each other, so each has a verdict of
its own: "holds", "does not hold" or "undetermined", on a theorem, an exact fact or a
finite-sample-valid test. Nothing is guessed: what the data cannot show is undetermined, with what
would decide it.

::

    outcome        Finding, Diagnosis: what comes out; answer is a verdict, sentences the first line
    reading        every kind of trajectory as a Record
    opening        tables: files reads them as sheets, wide makes long ones of them; columns says
                   which are keys; joining and places put the rows where they belong
    record         the Record: runs, generations, columns, held-out rows
    roles          which column plays risk, variance, modes, tail, hallucinated
    theory         what is proved of an experiment's quantity, also in the long run
    bars, tested   what later values are held against, and what a test of them has found
    comparing      the exact tests; observed asks them of the data, effects says how large
    rising         a quantity against generation 1, by theorem, fact or test; case has all of it
    definitions    the eight; scaling holds the fifth
    diagnose       the function
"""

from modelcollapse.diagnosis.diagnose import diagnose
from modelcollapse.diagnosis.outcome import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]
