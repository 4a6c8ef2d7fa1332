"""Several configurations: pairs, ranks, the best set, the winner."""
