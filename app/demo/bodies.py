"""From a text to a ticket body: who called, about which goods, through which channel, with which facts of the call."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from app.demo.material import Line, Matter, Voice, Wording
from app.demo.troubles import Body
from app.services.rules.classification import Kind, Severity
from app.services.rules.facts import Channel

# How often each channel brings a customer's own words, and an agent's note.
_CHANNELS: dict[Voice, dict[Channel, int]] = {
    "customer": {Channel.HOTLINE: 82, Channel.ONLINE_CHAT: 6, Channel.WEB: 6, Channel.EMAIL: 6},
    "agent": {Channel.HOTLINE: 88, Channel.CRM: 5, Channel.STORE: 4, Channel.ON_SITE: 3},
}
_PHONE_FORMS = ("{0}{1}", "{0}{1}", "138-0000-{1}", "+86 138 0000 {1}")
_MATERIALS = ("purchase_proof", "photos", "description", "fault_description")
_NEEDING_MATERIALS = {Kind.COMPLAINT, Kind.REPAIR, Kind.RETURN_EXCHANGE}


@dataclass(frozen=True, slots=True)
class Draft:
    """A call before anything goes wrong with it."""

    line: str
    matter: Matter
    channel: Channel
    body: Body
    kindless: bool


class Writer:
    """Writes bodies from one source of chance; no two get the same description."""

    def __init__(self, wording: Wording, rng: Random) -> None:
        self.wording, self.rng = wording, rng
        self._written: set[str] = set()

    def write(self, name: str, line: Line, matter: Matter, opened_at: datetime, *, kindless: bool) -> Draft:
        channel = matter.channel or self._channel(matter)
        phone = f"1380000{self.rng.randrange(10_000):04d}"
        slots = self._slots(line, matter, opened_at, phone)
        body: Body = {"business_line": name, "channel": channel.value, "description": self._describe(matter, slots)}
        if not kindless:
            body["kind"] = matter.kind.value
        if channel is not Channel.INTERNAL:
            body["customer"] = self._customer(line, channel, phone)
        body |= self._priority(matter, channel) | self._parties(line)
        body["product"] = self._product(line, matter, slots, opened_at)
        if matter.kind in _NEEDING_MATERIALS and self.rng.random() < 0.4:
            body["materials"] = self.rng.sample(_MATERIALS, self.rng.randint(1, 3))
        if channel is Channel.HOTLINE:
            body["call"] = self._call(line)
        elif self.rng.random() < 0.7:
            body["staff_no"] = self.rng.choice(line.agents)
        body["opened_at"] = opened_at.isoformat()
        return Draft(name, matter, channel, body, kindless)

    def _channel(self, matter: Matter) -> Channel:
        """Who is hurt or in danger rings up."""
        if matter.severity is Severity.CRITICAL:
            return Channel.HOTLINE
        weights = _CHANNELS[matter.voice]
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def _slots(self, line: Line, matter: Matter, opened_at: datetime, phone: str) -> dict[str, str]:
        rng, wording, product = self.rng, self.wording, line.products[matter.product]
        many = rng.randint(60, 900)
        made = opened_at - timedelta(days=rng.randint(40, 200))
        return {
            "product": rng.choice((product.name, product.name, f"{product.model}{product.name}")),
            "batch": f"{made:%y%m%d}{rng.choice('ABCD')}{rng.randint(1, 9)}",
            "order": f"{opened_at - timedelta(days=rng.randint(2, 60)):%Y%m%d}{rng.randrange(100_000):05d}",
            "city": rng.choice(wording.cities),
            "when": rng.choice(wording.whens),
            "n": str(rng.randint(2, 9)),
            "big": str(many),
            "bad": str(rng.randint(2, many // 10 + 2)),
            "phone": phone,
            "staff": rng.choice(wording.staff),
        }

    def _describe(self, matter: Matter, slots: dict[str, str]) -> str:
        """Word the text until nobody has said it like this; its own slots stay as drawn."""
        fixed = matter.channel is not None
        for _ in range(100):
            opening = "" if fixed else self.rng.choice(self.wording.openings[matter.voice])
            closing = "" if fixed else self.rng.choice(self.wording.closings[matter.voice])
            text = f"{opening}{matter.text}{closing}".format_map(slots)
            if text not in self._written:
                break
        self._written.add(text)
        return text

    def _customer(self, line: Line, channel: Channel, phone: str) -> Body:
        rng = self.rng
        name = rng.choice(self.wording.surnames) + rng.choice(self.wording.given_names)
        number = rng.choice(_PHONE_FORMS).format(phone[:7], phone[7:])
        customer: Body = {"name": name} if rng.random() < 0.85 else {}
        if channel is Channel.EMAIL:
            customer["email"] = f"customer{phone[7:]}@example.com"
        elif channel in (Channel.WEB, Channel.ONLINE_CHAT):
            customer["external_id"] = f"member-{phone[7:]}"
            customer |= {"phone": number} if rng.random() < 0.5 else {}
        else:
            customer["phone"] = number
        if line.tiers:
            customer["tier"] = rng.choice(line.tiers)
        return customer

    def _call(self, line: Line) -> Body:
        """What the hotline knows but for the call's id."""
        rng = self.rng
        call: Body = {"rings": rng.choices(range(1, 8), (20, 30, 25, 10, 8, 5, 2))[0]}
        if rng.random() < 0.9:
            call["agent_no"] = rng.choice(line.agents)
        if rng.random() < 0.6:
            call |= {"menu": rng.choice(self.wording.menus), "recording_ref": f"rec/{rng.randrange(10**9):09d}.wav"}
        return call

    def _priority(self, matter: Matter, channel: Channel) -> Body:
        """Urgency and severity as an agent now and then gives them; the rest is for the service to read."""
        rng = self.rng
        if matter.severity is Severity.CRITICAL:
            return {"urgency": "emergency"} if rng.random() < 0.4 else {}
        given: Body = {"urgency": "general"} if rng.random() < 0.08 else {}
        if channel is Channel.CRM and matter.severity is not Severity.NONE:
            given["severity"] = matter.severity.value
        return given

    def _parties(self, line: Line) -> Body:
        offered = {
            "seller": line.sellers,
            "service_provider": line.providers,
            "branch": line.branches,
            "region": line.regions,
            "item_class": [item_class.value for item_class in line.item_classes],
        }
        return {name: self.rng.choice(values) for name, values in offered.items() if values}

    def _product(self, line: Line, matter: Matter, slots: dict[str, str], opened_at: datetime) -> Body:
        rng, product = self.rng, line.products[matter.product]
        about: Body = {"name": product.name, "model": product.model}
        if product.category:
            about["category"] = product.category
        if "{batch}" in matter.text or rng.random() < 0.4:
            about["batch"] = slots["batch"]
        if "{bad}" in matter.text and "{big}" in matter.text:
            about |= {"quantity": int(slots["big"]), "defective_quantity": int(slots["bad"])}
        if rng.random() < 0.5:
            about["delivered_on"] = (opened_at - timedelta(days=rng.randint(3, 35))).date().isoformat()
        if rng.random() < 0.4:
            about["order_no"] = slots["order"]
        return about
