"""Recorded data and a simulated stream as events."""

from slm_disaster.replay.readers import read_replay
from slm_disaster.replay.simulation import simulate

__all__ = ["read_replay", "simulate"]
