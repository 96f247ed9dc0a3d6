"""The embedded stack: everything Tendril needs, started and watched on one machine (``tendril up``)."""
