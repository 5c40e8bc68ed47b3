"""Runs jobs on trained models in processes of their own: claims, assigns, watches and stores them."""
