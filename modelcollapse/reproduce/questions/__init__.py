"""The figures of questions that the paper leaves open."""
