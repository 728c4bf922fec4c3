"""How the reservation service meets the outside: its routes and its database."""
