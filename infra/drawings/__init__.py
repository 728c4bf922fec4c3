"""The architecture and the network as pictures: ``python -m infra.drawings`` writes and exports them.

A picture is a list of parts with absolute places, in pixels of a page that README and GitHub show unscaled. Services
and queues come from the contracts, so a new row of the choreography shows after ``make drawings``.
"""
