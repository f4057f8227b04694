"""How a model of the Hugging Face layout comes to work: fetched, checked, built, run, and read."""
