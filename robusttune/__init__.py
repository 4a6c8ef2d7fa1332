"""Tune reinforcement-learning hyperparameters, then find out which of the best trials were lucky."""
