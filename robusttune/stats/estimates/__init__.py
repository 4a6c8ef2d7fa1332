"""One configuration: points, intervals, spread, noise."""
