"""A run or a study as one HTML file that is complete in itself."""
