"""Plans for the hours ahead: what to charge, run and heat when, at the least cost within the limits."""
