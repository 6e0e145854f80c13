"""Orthogonal maps of images."""
