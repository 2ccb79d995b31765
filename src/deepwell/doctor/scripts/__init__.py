"""Training scripts that are not ours: run up to their first steps, and looked at."""
