"""What was served: today and this month by the calendar, and back to five years in ever longer steps."""

from .history import History, Reading
from .tally import By, Tally, added
from .today import Today
from .windows import WINDOWS, Window

__all__ = ["WINDOWS", "By", "History", "Reading", "Tally", "Today", "Window", "added"]
