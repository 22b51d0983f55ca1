"""Drafts: a flow while it is edited, when it may be incomplete or wrong."""
