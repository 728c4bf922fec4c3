"""Where the service meets HTTP, its database, S3, and what is printed and scanned."""
