"""Where the service meets HTTP and its database."""
