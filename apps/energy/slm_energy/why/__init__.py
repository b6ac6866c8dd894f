"""Why a plan does what it does, and why there is none: facts by code, each with its number, unit and time."""
