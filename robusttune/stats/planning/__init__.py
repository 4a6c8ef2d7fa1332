"""How many seeds would tell."""
