"""What connects the payment service with the world."""
