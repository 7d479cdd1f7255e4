"""What starts passes and counts their cycles."""
