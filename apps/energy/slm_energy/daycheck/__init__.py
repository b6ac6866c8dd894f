"""What is wrong with one day of a meter: 24 hourly values against the usual, one label of a closed set."""
