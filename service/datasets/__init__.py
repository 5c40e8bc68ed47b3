"""Uploaded data sets over HTTP: receiving, previewing and deleting them."""
