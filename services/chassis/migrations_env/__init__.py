"""What Alembic runs for every service."""
