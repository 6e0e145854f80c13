"""How near generated images are to real ones, in numbers with errors."""
