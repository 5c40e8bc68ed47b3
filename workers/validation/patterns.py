"""Patterns of texts with words for them: an error says what a text should be, and not the expression."""

WORDS: dict[str, str] = {}
"""What a text that matches a pattern is, by the pattern."""


def worded(pattern: str, words: str) -> str:
    """The pattern, whose errors say from now on that a text should be `words`."""
    WORDS[pattern] = words
    return pattern
