"""Checks of a whole playbook, by subject. ``domain.playbook.check`` runs them all."""
