"""What is unusual in a site: after-hours load, stuck meters, swapped phases, steps, creep, reactive power."""
