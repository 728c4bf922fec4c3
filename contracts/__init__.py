"""What the services say to each other: messages, the money type and the choreography. Imports nothing else of ours."""
