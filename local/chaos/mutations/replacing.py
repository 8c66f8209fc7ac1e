"""What a mutation is: something of the functions' own, replaced by something that is wrong."""

from collections.abc import Callable
from typing import Any

Replace = Callable[[Any, str, Any], None]
"""Replaces an attribute of a module or class: `setattr`, or what undoes it after a test."""

Mutation = Callable[[Replace], None]

PAUSE_SECONDS = 0.2
"""How long a real process stands still at a mistake that shows only if others come in between.

They would in a day of trouble; a run lasts a minute.
"""
