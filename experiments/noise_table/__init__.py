"""A table of what the noise of training looks like: see `python -m experiments.noise_table`."""
