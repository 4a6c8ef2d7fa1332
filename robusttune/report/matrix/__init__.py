"""One report across the studies of a matrix: aggregates over tasks, and a ranking of all candidates on each task."""
