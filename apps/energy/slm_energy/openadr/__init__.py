"""Demand response: events of OpenADR 2.0b and 3 in, accepted or declined with a reason, told once."""
