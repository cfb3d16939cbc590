r"""Workflows: which rows a model is trained on at each generation.

Notation: generation t fits model t; batch 1 holds :math:`n_1` real rows, and batch s > 1 holds
:math:`n_s` rows sampled from model s - 1; :math:`N_t = n_1 + ... + n_t`. Rows are numbered in
order of creation: batch s holds rows :math:`N_{s-1}, ..., N_s - 1`.

A workflow is any object with the method ``training_rows(sizes, rng)`` of `Workflow`, or, where the
training set is made of the one before, ``keep(previous_rows, sizes, rng)`` of `Keeping`. One that
is deterministic and weights all rows of a batch alike may also offer ``batch_weights(sizes)``
(see `Weighting`); one that brings fresh real rows in later batches offers ``source_weights``
(see `Refreshing`). Then the moments of its loops are predicted exactly. Check your own with
`modelcollapse.testing.WorkflowContract`.

protocols   what a workflow offers
batches     replace, accumulate, accumulate-subsample, sliding-window, keep-real
weighted    any matrix of weights
fresh       fresh real data each generation, and the web
editing     a data set of which some rows are replaced
curves      how a web grows, from rates or a file
short_forms schedules as text: 10,20,40, double:10, 10*2^t, a.csv
names       workflows by their names on the command line
"""

from modelcollapse.workflows.batches import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    SlidingWindow,
)
from modelcollapse.workflows.editing import Edit
from modelcollapse.workflows.fresh import FreshData, Web
from modelcollapse.workflows.names import BY_NAME, OWNERS, by_name
from modelcollapse.workflows.protocols import (
    AnyWorkflow,
    Keeping,
    Refreshing,
    Remembering,
    Selection,
    Weighting,
    Workflow,
    keeps,
)
from modelcollapse.workflows.weighted import Weighted

__all__ = [
    "BY_NAME",
    "OWNERS",
    "Accumulate",
    "AccumulateSubsample",
    "AnyWorkflow",
    "Edit",
    "FreshData",
    "KeepReal",
    "Keeping",
    "Refreshing",
    "Remembering",
    "Replace",
    "Selection",
    "SlidingWindow",
    "Web",
    "Weighted",
    "Weighting",
    "Workflow",
    "by_name",
    "keeps",
]
