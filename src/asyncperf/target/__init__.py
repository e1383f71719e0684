"""What is under test: find the app, read its endpoints, serve it."""
