"""Before a study: how many seeds a claim needs, how a budget is split, and a first study file."""
