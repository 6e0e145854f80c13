"""Jinc: alias-free, rotation-aware pixel diffusion models in PyTorch."""
