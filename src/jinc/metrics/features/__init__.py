"""Feature networks and the features of images."""
