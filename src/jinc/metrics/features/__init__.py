"""What looks at images when they are scored."""
