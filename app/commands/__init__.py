"""The commands of ``sluice``: each module has ``add`` (its options) and runs when it is called.

A module imports what it needs when it runs, so that ``sluice --help`` and short commands start
at once.
"""
