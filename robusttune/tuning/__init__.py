"""The tuning stage. The only room that imports Optuna."""
