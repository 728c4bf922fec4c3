"""Owns the money: what was asked for an order, whether it came, and whether it went back; and talks to the gateway."""
