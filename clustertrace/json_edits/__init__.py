"""Other programs' settings files: one place changed, every other byte kept, a backup beside."""
