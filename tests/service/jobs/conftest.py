"""Fixtures for tests of jobs: those of the agent's tests, on one database."""

from tests.service.agent.conftest import data_dir, database, harness, settings

__all__ = ["data_dir", "database", "harness", "settings"]
