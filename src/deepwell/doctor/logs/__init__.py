"""Training curves that were logged: what they say of a training that is over."""
