"""What several elements are built of."""
