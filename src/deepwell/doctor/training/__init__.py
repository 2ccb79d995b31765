"""What goes wrong while a training runs: deepwell's own loop is observed, any other is watched by hooks."""
