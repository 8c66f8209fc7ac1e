"""Runbooks: which answers an incident, what it may do, and how far it has come."""
