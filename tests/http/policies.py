"""An own edition to register, made of a shipped one."""

from datetime import date

TODAY = date(2026, 11, 22)  # where the tests' clock stands, in Shanghai


def an_edition(
    text: str, *, name: str = "tableware", version: str = "2", effective_from: date = TODAY, hours: int = 1
) -> dict[str, str]:
    """The tableware edition under another name, version and date, answering emergencies within other hours."""
    return {
        "document": text.replace('name = "tableware"', f'name = "{name}"')
        .replace('version = "1"', f'version = "{version}"')
        .replace("effective_from = 2026-01-01", f"effective_from = {effective_from}")
        .replace("value = 2, unit", f"value = {hours}, unit", 1)
    }


def with_terms(text: str, *terms: str) -> str:
    """The edition with these milestone terms before those common to all levels, each by its own clause."""
    assert "milestones = [\n" in text
    cited = (f'  {{ {term}, basis = "policy", clause = "第{number}条" }},\n' for number, term in enumerate(terms, 90))
    return text.replace("milestones = [\n", "milestones = [\n" + "".join(cited), 1)
