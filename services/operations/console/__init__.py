"""The operators' web console: server-rendered pages over the queues and the services' journals, no build step."""
