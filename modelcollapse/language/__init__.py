"""Causal language models that are trained on their own samples, with transformers.

``run(Settings(...), "folder")`` is the loop: fine-tune the base, judge it on held-out real rows,
sample a synthetic batch, choose the next training rows by the workflow, and fine-tune the base
again. PyTorch, transformers, datasets and accelerate are needed, and imported when they are used:
``pip install '.[language]'`` in a clone.

::

    grammar, grammars, topics, corpus             real data: built in, files, the hub
    columns, messages, rows, screening            which parts and rows of a data set are used
    template, chat, tokens                        rows as text, texts as tokens
    counting, counted, bigrams                    models at the exact optimum of their likelihood
    base, checkpoints, converted                  the model to start from, small ones, and of GGUF
    protocols, trained, shipped, own, fitting     its parts: anybody's sampler, trainer, metric
    recipe, arguments, lora, training, trainer    one generation: fitting,
    sampling, generating, asking, batch           and its samples
    evaluation, judging, diversity, tracking      what a generation is judged by, and who hears it
    settings, foresight, folder, work, devices    a run: what, what is known against it, where, how,
    untrained, chain, loop                        and the loop itself
    results, compare, report                      what it shows
    cell, value, regression, value_report         the value of synthetic data
    finite                                        one-token answers, whose loops theory predicts
"""

from modelcollapse.language.checkpoints import build
from modelcollapse.language.compare import compare_across_seeds, compare_workflows
from modelcollapse.language.corpus import Corpus, load_corpus
from modelcollapse.language.grammar import Grammar
from modelcollapse.language.grammars import descriptions
from modelcollapse.language.loop import run
from modelcollapse.language.protocols import Generation, Metric, Sampler, Trainer
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.report import write_report
from modelcollapse.language.results import Results
from modelcollapse.language.settings import Settings
from modelcollapse.language.shipped import TransformersSampler, TransformersTrainer
from modelcollapse.language.template import Template
from modelcollapse.language.trained import TrainedModel
from modelcollapse.language.value import value
from modelcollapse.language.value_report import Values
from modelcollapse.language.work import Options

__all__ = [
    "Corpus",
    "Generation",
    "Grammar",
    "Metric",
    "Options",
    "Recipe",
    "Results",
    "Sampler",
    "Settings",
    "Template",
    "TrainedModel",
    "Trainer",
    "TransformersSampler",
    "TransformersTrainer",
    "Values",
    "build",
    "compare_across_seeds",
    "compare_workflows",
    "descriptions",
    "load_corpus",
    "run",
    "value",
    "write_report",
]
