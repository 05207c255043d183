"""Nothing says how to start this: no Procfile, and no server among the requirements."""
