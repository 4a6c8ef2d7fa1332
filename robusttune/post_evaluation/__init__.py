"""The second stage: the best trials and the controls, run again on fresh seeds."""
