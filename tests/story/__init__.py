"""A story in which every operation is performed once: its requests and answers are the examples of the interface."""

from tests.http.service import Service
from tests.story import archive, capas, complaints, goods, office, returns, tickets
from tests.story.player import Player, Recorded, steady

LANGUAGES = ("zh", "en")
NOTHING: Recorded = {"parameters": {}, "request": None, "answers": {}}
_CHAPTERS = (tickets, complaints, capas, goods, archive, returns, office)


async def play(service: Service, language: str) -> dict[str, Recorded]:
    """Play the story on an application that is new, and return what each operation was sent and answered."""
    client = await service.client()
    client.headers["Accept-Language"] = language
    player = Player(service, client, language)
    for chapter in _CHAPTERS:
        await chapter.play(player)
    return steady(player.recorded)
