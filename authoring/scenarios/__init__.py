"""Scenarios: a playbook's own tests. One invented lead, what happens to them, and what the playbook must do then."""
