"""Starting from photographs, and keeping some of their pixels."""
