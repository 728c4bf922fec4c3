"""The operator's tools: the `bilhetagem` command, and what a laptop needs to run the whole system."""
