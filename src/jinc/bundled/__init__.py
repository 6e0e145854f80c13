"""Trained models that come with the package: a folder each, found by name."""

from jinc.bundled.cards import Card as Card
from jinc.bundled.cards import Score as Score
from jinc.bundled.cards import read_card as read_card
from jinc.bundled.places import bundled_folders as bundled_folders
from jinc.bundled.places import is_bundled as is_bundled
from jinc.bundled.places import located as located
from jinc.bundled.places import no_model as no_model
