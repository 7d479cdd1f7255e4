"""Two small networks for handwritten digits, trained and built."""
