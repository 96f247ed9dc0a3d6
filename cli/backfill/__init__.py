"""The import of behaviour from files: reading, understanding, storing, and foretelling what would be stored."""
