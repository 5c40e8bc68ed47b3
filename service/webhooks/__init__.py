"""Telling others that an experiment is over."""
