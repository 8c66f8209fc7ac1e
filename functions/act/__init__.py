"""act: decides who is told what about an incident, and tells them once."""
