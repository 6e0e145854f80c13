"""Ways from noise to images, and the levels they visit."""
