"""Experiments: submit and end them, summarise and compare their results, use their models."""
