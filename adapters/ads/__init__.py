"""Advertising platforms, one module each."""
