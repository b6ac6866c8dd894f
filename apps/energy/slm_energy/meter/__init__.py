"""What meters say: files and messages to equal steps in kW, and what is wrong with them, by row."""
