"""Layer 1: layers that PyTorch lacks or has only slowly, one a file, and what looks at any module."""
