"""What the scripts share: statistics, figures, soaks.

None of it is in the wheel.
"""
