"""The day ahead of a site from its files: readings checked, expected, planned, billed and written down."""
