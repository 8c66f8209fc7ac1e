"""Features: series made of others before they are judged, declared as data."""
