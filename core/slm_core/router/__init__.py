"""Which domain a text is for: a gate over the installed domains, "none of them" included."""

from slm_core.router.gate import NONE, Gate, Route, open_gate

__all__ = ["NONE", "Gate", "Route", "open_gate"]
