"""Layer 3: the training engine. It takes any module and functions; it knows no task."""
