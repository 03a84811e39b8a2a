"""Tables in Markdown, and the part of a page that is between two marks."""


def line(*cells: str) -> str:
  """A line of a table."""
  return f'| {" | ".join(cells)} |'


def head(*cells: str) -> list[str]:
  """The first two lines of a table, with the names of its columns."""
  return [line(*cells), '|' + '---|' * len(cells)]


def split(text: str, begin: str, end: str) -> tuple[str, str] | None:
  """What is before and after a part of a page.

  Args:
    text: of the page.
    begin: the mark before the part.
    end: that after it.

  Returns:
    The texts, with neither mark, or None if the page has not both.
  """
  before, found, rest = text.partition(begin)
  _, closed, after = rest.partition(end)
  return (before, after) if found and closed else None
