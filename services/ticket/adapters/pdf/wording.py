"""A ticket's words in one locale: the catalogue beside the adapters, and CLDR's dates and money through Babel."""

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_location
from babel.numbers import format_currency

LOCALES = Path(__file__).parent.parent / "locales"


@dataclass(frozen=True, slots=True)
class Wording:
    """The strings of one catalogue file, and how dates, times and prices are written there."""

    locale: Locale
    language: str
    document: str
    subject: str
    ticket: str
    number: str
    when: str
    zone: str
    where: str
    type: str
    price: str
    free: str
    holder: str
    no_holder: str
    code: str
    order: str
    small_print: list[str]

    def date(self, moment: datetime) -> str:
        """`Sábado, 14 de março de 2026`."""
        text = format_date(moment, "full", locale=self.locale)
        return text[:1].upper() + text[1:]

    def time(self, moment: datetime) -> str:
        return format_time(moment, "short", locale=self.locale)

    def offset(self, moment: datetime) -> str:
        """`UTC-03:00`, which two zones of the same city name, or a change of summer time, cannot confuse."""
        seconds = int((moment.utcoffset() or timedelta()).total_seconds())
        hours, minutes = divmod(abs(seconds) // 60, 60)
        return f"UTC{'-' if seconds < 0 else '+'}{hours:02}:{minutes:02}"

    def zone_of(self, moment: datetime, zone: ZoneInfo) -> str:
        """`horário de São Paulo (UTC-03:00)`; a zone that is no place, `Etc/UTC` for one, is its offset alone."""
        if zone.key.startswith("Etc/") or "/" not in zone.key:
            return self.offset(moment)
        return self.zone.format(zone=_city(zone.key, self.locale), offset=self.offset(moment))

    def amount(self, cents: int) -> str:
        """Integer cents of BRL; nothing is free."""
        return format_currency(Decimal(cents) / 100, "BRL", locale=self.locale) if cents else self.free


@cache
def _city(zone: str, locale: Locale) -> str:
    return get_timezone_location(zone, locale=locale, return_city=True)


@cache
def wording(locale: str) -> Wording:
    """The catalogue of a locale such as `pt_BR`; `ValueError` names those that exist."""
    shipped = {path.stem: path for path in LOCALES.glob("*.toml")}
    if locale not in shipped:
        raise ValueError(f"no ticket wording for {locale!r}; there is {', '.join(sorted(shipped))}")
    return Wording(locale=Locale.parse(locale), **tomllib.loads(shipped[locale].read_text(encoding="utf-8")))
