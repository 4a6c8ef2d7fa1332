"""Several seeds a trial, and a pruner, at equal budget with real training: `python -m experiments.seeds_and_pruner`."""
