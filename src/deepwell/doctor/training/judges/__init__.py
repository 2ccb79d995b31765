"""Judges: small classes from numbers to findings; they know neither hooks nor loops, and their state is plain JSON."""
