"""Indicators. Importing this package registers them all."""
