"""The deterministic reader of reports: it serves where no model does, and it outlives models."""

from slm_disaster.rules.aid import needs_by_rules
from slm_disaster.rules.combining import combine
from slm_disaster.rules.reading import read_by_rules

__all__ = ["combine", "needs_by_rules", "read_by_rules"]
