"""Models and checkpoints of other projects."""
