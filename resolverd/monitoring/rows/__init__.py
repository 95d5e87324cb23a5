"""The panels of the dashboards, a file for each of an operator's questions.

All queries aggregate over edge hosts, so that a panel is right for one edge and for a fleet.
"""
