"""How right labels are on the user's own stream, and what to do about it: which posts to ask a person about, what
the answers say, thresholds, corrected counts, drift. Pure functions of arrays; `runners/label.py` joins them.
"""
