"""Situation awareness: reports, sensors and quakes to incidents, each statement with its words and source."""
