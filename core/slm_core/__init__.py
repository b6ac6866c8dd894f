"""What every expert needs; knows no domain."""

__version__ = "0.1.0"
