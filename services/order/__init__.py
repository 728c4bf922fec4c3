"""Orders: it owns their lines, total and status, who is a known buyer, and which events are called off."""
