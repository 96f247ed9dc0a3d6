"""CRMs, one module each."""
