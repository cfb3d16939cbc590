"""What every room stands on, and none of it is about self-consuming loops.

checks        arguments: each returns the value in the wanted type, or names what is wrong
tables        numbers from arrays and tables of any library; csv_lines: lines of CSV files
csv_tables    columns as CSV
errors        the errors raised on purpose; words: numbers in sentences
files         files written whole or not at all; sealed: those that are read again
memory        what is free, and refusing what cannot fit
compiled      compiled functions that several rooms share, and the notice of the first compilation
spread        deviations, correlations and ranks of rows, whatever the units of their columns
generators    the states of the global random generators
interruption  signals, and how they end a command
workers       worker processes
version       the version, and the build of a clone
"""
