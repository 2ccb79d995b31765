"""What is wrong with data before a model sees it."""

from deepwell.doctor.data.examine_data import examine_data
from deepwell.doctor.data.noise import Suspicious, suspicious_labels
from deepwell.doctor.data.prepared import look

__all__ = ["Suspicious", "examine_data", "look", "suspicious_labels"]
