"""What every room stands on, and none of it is about self-consuming loops.

checks      arguments: each returns the value in the wanted type, or names what is wrong
errors      the errors raised on purpose
files       files written whole or not at all
compiled    compiled functions that several rooms share, and the notice of the first compilation
spread      deviations, correlations and ranks of rows, whatever the units of their columns
version     the version
"""
