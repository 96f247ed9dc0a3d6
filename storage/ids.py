"""Opaque ids: they say nothing about whom they name, and are safe in logs, Temporal and file names."""

import base64
import secrets


def new_lead_id() -> str:
    return f"ld_{_random()}"


def new_account_id() -> str:
    return f"ac_{_random()}"


def new_operation_id() -> str:
    return f"op_{_random()}"


def _random() -> str:
    """Twelve lower-case base32 characters: 60 bits, so that a million ids collide with odds of one in two million."""
    return base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]
