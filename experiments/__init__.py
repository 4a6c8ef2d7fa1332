"""Declared studies, and the scripts of the reproducibility studies."""
