"""Buyers: who they are. The only place that keeps their e-mail."""
