"""What is to be seen of a run: logs, progress, pictures, alarms."""
