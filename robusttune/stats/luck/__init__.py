"""Tuning scores against fresh seeds: luck, its verdict, and how reliable one seed is."""
