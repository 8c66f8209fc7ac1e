"""What is made of a metric before it is judged, in words and with numbers."""
