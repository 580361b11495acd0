"""Schemas of built-in and custom kinds at work: what an object may hold, what it becomes, and what is wrong with it."""
