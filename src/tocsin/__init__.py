"""Tocsin: hear what people say about you, and know the minute it changes."""

__version__ = "0.1.0"
