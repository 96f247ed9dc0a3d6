"""What a change of playbook would come to for journeys in flight, under each policy; foretold, never guessed."""
