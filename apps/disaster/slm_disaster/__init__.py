"""The disaster domain."""
