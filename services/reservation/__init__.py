"""The reservation service owns the stock of every ticket type: holds, their expiry, the attachment of an order."""
