"""The ticket as a PDF: one page per ticket, one document per issued ticket, any Unicode name printed."""

from services.ticket.adapters.pdf.face import Face
from services.ticket.adapters.pdf.page import render

__all__ = ["Face", "render"]
