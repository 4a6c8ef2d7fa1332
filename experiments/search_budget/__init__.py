"""Does a larger search make a believed seed worse? Real training in the loop: `python -m experiments.search_budget`."""
