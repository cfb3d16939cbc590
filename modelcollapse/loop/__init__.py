"""The self-consuming loop: what goes in, what comes out, and the plain loop, the oracle of all.

experiment  Experiment, Prediction, Trajectories; predict and simulate
truth       what generation 1 is drawn from
identity    what an experiment is, as plain data; json_data: any value as such
sampling    how a batch is sampled from a model
schedule    what a workflow counts as; consistency: whether its own methods say the same
plain       run: fit, sample, fit again, for any estimator; slow and obvious
estimators  driving any estimator; metrics: what is measured of it; checkpoint: its file
blocks      replicates in blocks, each with a random stream of its own
fate        what becomes of a quantity in the long run
routes      what a family gathers the parts of its prediction in
"""
