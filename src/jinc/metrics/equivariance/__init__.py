"""How well networks and what they generate follow moves, in decibels."""
