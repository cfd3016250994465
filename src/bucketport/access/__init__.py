"""May they? One table of actions, one decision with its reason, one door."""
