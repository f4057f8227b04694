"""The parts of `sources/scenario.py`: options, languages, rhythm, posts, and the truth about them."""
