"""Equivariance of networks and of sampling to shifts, rotations and flips, in decibels."""
