"""ECP5 primitives instantiated directly, each with a behavioural twin in `twins`."""
