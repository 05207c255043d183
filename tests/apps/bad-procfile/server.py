"""Never runs: the Procfile has no colon."""
