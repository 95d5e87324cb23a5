"""Where GPUs should stand: what regions cost, whom they serve how fast, and what a change would do.

Pure: regions and users in, figures out. Money is in US dollars, times in ms, shares from 0 to 1.
"""
