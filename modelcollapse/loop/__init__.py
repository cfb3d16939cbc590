"""The self-consuming loop: what goes in, what comes out, and the plain loop, the oracle of all.

experiment  Experiment, Prediction, Trajectories; predict and simulate
truth       what generation 1 is drawn from
identity    what an experiment is, as plain data; json_data: any value as such
sampling    how a batch is sampled from a model; selection: which rows are kept
schedule    what a workflow counts as; consistency: whether its own methods say the same
plain       the loop: fit, sample, fit again, for any estimator; slow and obvious
replicates  run: the plain loop once, or many times
estimators  driving any estimator; convention: those of this package; functions: one's own
batches     arrays and tables as batches; checkpoint: the file of a run
metrics     what is measured of a run; sample_metrics: ready-made ones
tables      results as tables; showing: words and HTML; plots: pictures; written: what files say
blocks      replicates in blocks, each with a random stream of its own
fate        what becomes of a quantity in the long run
routes      what a family gathers the parts of its prediction in
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"sample_metrics"})
