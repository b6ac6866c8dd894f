"""The grid: power flow, limits, outages, and measures that a new power flow has checked. Nothing actuates."""
