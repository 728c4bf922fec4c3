"""AWS on a laptop: LocalStack in host mode, and what has to be provisioned in it.

LocalStack's own package has the same name; it is installed in an environment of its own and never imported from here.
"""
