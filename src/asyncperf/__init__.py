"""How many requests per second a FastAPI app serves, and what limits it."""

__version__ = "0.1.0"
