"""Images from models: generated, edited, moved, made larger, kept."""
