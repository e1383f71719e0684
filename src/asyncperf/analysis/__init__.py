"""Pure functions from a run to what it means."""
