"""Which way to spend a budget of training runs finds the best configuration? See `python -m experiments.protocols`."""
