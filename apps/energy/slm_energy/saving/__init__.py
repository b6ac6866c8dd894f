"""What a measure saved: a baseline for the same weather, its uncertainty, and a report that can be traced."""
