"""Measurements that anyone can print again: ratios and figures, never part of the tests."""
