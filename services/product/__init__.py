"""Complementary products, their stock, and what of it is set aside for orders."""
