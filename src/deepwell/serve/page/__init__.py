"""The page on which a person tries the model."""

from deepwell.serve.page.read import read_page

__all__ = ["read_page"]
