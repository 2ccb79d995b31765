"""Layer 0, above core: what a finding is, and the page of every fault of the catalogue, in English and Chinese."""

from deepwell.findings.finding import Finding, Level, worst_first
from deepwell.findings.pages import Page, known_codes, page, pages
from deepwell.findings.words import language, use_language

__all__ = ["Finding", "Level", "Page", "known_codes", "language", "page", "pages", "use_language", "worst_first"]
