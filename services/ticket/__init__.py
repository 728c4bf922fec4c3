"""The ticket service owns ticket types, the tickets issued of them, and their PDFs."""
