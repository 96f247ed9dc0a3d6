"""E-mail: messages, unsubscribe links, and the way out over SMTP."""
