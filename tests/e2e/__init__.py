"""Whole systems over HTTP and real queues. A package, so that the system which its tests share ends with them."""
