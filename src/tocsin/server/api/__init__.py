"""The API for pages and other tools: one file a family of panels, each answered as JSON, CSV, Arrow or its SQL."""
