"""A second opinion: docs/flow.md evaluated by plain Python, sharing no code with the engine.

``evaluate`` turns a flow's raw JSON and prices into decided weights, ``account`` weights into
equity, ``indicators`` prices into indicators. ``flows``, ``markets`` and ``broken`` are what
Hypothesis draws to compare the two. Everything here is slow and meant to be read.
"""
