"""Orders to devices: read, held against the home, shown, confirmed, taken back."""
