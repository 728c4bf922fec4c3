"""The microservice chassis: what every service runs on. It knows no service."""
