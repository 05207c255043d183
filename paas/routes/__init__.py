"""Step 5 of a push: containers and domains become the route table."""
