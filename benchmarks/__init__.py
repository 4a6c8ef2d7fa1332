"""Measurements that are run by hand: calibration of the statistics, and their speed."""
