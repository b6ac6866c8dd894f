"""Which request the model answers next: by severity and deadline, each question once."""

from slm_core.schedule.desk import Desk
from slm_core.schedule.queue import Backlog, Inquiry, Queue

__all__ = ["Backlog", "Desk", "Inquiry", "Queue"]
