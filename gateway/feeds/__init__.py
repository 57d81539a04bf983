"""What the world publishes, fetched in the background: parsed, checked, kept on disk."""
