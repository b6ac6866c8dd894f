"""Which model fits which device, how fast, at what energy."""
