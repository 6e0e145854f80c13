"""A word that is not known is told in one line, with the one that was meant, or what there is."""

import pytest

from jinc.errors import JincError, nearest, unknown

WORDS = ("hflip", "vflip", "Rotation")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("hflp", "did you mean hflip?"),
        ("ROTATION", "did you mean Rotation?"),
        ("zzz", "there are hflip, vflip, Rotation"),
        ("", "there are hflip, vflip, Rotation"),
    ],
)
def test_the_nearest_or_all(word, hint) -> None:
    error = unknown(f"move: {word!r} is unknown", word, iter(WORDS))
    assert isinstance(error, JincError)
    assert str(error) == f"move: {word!r} is unknown; {hint}"


def test_long_lists_are_cut() -> None:
    words = [f"class {k}" for k in range(21)]
    assert str(unknown("none", "zzz", words)).endswith("class 18, class 19, …")
    assert str(unknown("none", "zzz", words[:20])).endswith("class 18, class 19")


def test_no_suggestion_without_a_near_name() -> None:
    assert nearest("zzz", WORDS) == nearest("a", []) == ""
