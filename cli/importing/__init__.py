"""The import of leads from CSV files: reading, mapping, checking, enrolling, and foretelling what would happen."""
