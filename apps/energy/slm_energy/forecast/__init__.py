"""What the hours ahead will draw and give, the range they lie in, and which method said so and why."""
