"""The Optuna stage: trials in, a ranked list of candidates out. The only room beside `interop` that imports optuna."""
