"""Events: what takes place, where and when, and whether it is called off."""
