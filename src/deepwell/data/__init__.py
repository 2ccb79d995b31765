"""Layer 1: where samples come from, how they are split, stored and ordered. It knows files and arrays, no task."""
