"""What a mutation is: something of the functions' own, replaced by something that is wrong."""

from collections.abc import Callable
from typing import Any

Replace = Callable[[Any, str, Any], None]
"""Replaces an attribute of a module or class: `setattr`, or what undoes it after a test."""

Mutation = Callable[[Replace], None]
