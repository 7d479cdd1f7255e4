"""From the collector to the activation memory: combine element, crossbar, writers."""
