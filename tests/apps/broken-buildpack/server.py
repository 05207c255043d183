"""Never runs: the requirements cannot be read, so compile fails."""
