"""How long a user waits for a simulated frame."""
