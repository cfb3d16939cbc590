"""Causal language models that are trained on their own samples, with transformers.

``run(Settings(...), "folder")`` is the loop: fine-tune the base, judge it on held-out real rows,
sample a synthetic batch, choose the next training rows by the workflow, and fine-tune the base
again. PyTorch, transformers, datasets and accelerate are needed, and imported when they are used:
``pip install '.[language]'`` in a clone.

::

    grammar, grammars, topics, columns, corpus    real data: built in, files, the hub
    template, tokens                              rows as text, texts as tokens
    base, checkpoints                             the model to start from, and small ones
    recipe, training, trainer, sampling           one generation
    evaluation, judging, diversity                what a generation is judged by
    settings, folder, work, chain, loop           a run: what, where, how, and the loop itself
    results, compare, report                      what it shows
    cell, value, regression, value_report         the value of synthetic data
    finite                                        one-token answers, whose loops theory predicts
"""

from modelcollapse.language.checkpoints import build
from modelcollapse.language.compare import compare_workflows
from modelcollapse.language.corpus import Corpus, load_corpus
from modelcollapse.language.grammar import Grammar
from modelcollapse.language.grammars import descriptions
from modelcollapse.language.loop import run
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.report import write_report
from modelcollapse.language.results import Results
from modelcollapse.language.settings import Settings
from modelcollapse.language.value import value
from modelcollapse.language.value_report import Values
from modelcollapse.language.work import Options

__all__ = [
    "Corpus",
    "Grammar",
    "Options",
    "Recipe",
    "Results",
    "Settings",
    "Values",
    "build",
    "compare_workflows",
    "descriptions",
    "load_corpus",
    "run",
    "value",
    "write_report",
]
