"""The seven services, their chassis, and the tools of those who operate them."""
