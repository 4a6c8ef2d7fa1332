"""Several tasks: aggregates and profiles as rliable has them."""
