"""Many searches with real training at the same time, and what each way of choosing after them is worth."""
