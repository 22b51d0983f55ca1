"""Sweeps: one flow, many values of its variables, every run measured."""
