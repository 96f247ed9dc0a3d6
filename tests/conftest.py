"""Fixtures shared by every test: a real PostgreSQL and a real Temporal, both started here and stopped at the end."""

pytest_plugins = ["tests.fixtures.browser", "tests.fixtures.postgres", "tests.fixtures.temporal"]
