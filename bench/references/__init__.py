"""What a figure is compared with: functions on the same framework that get the same requests."""
