"""What is made of denoisers, and is one."""
