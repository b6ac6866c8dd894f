"""Recordings and the simulation, as events with a clock of their own."""
