"""Train many seeds of one configuration in one process, each as Stable-Baselines3 would train it alone."""
