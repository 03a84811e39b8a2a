"""How to observe a run: logs, progress, pictures, alarms."""
