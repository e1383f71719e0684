"""From a `Diagnosis` to text: terminal, JSON and CSV. Pure; imports the model alone."""
