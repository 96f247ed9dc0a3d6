"""A change of playbook before it is made: what differs, and what becomes of journeys in flight."""
