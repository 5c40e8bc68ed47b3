"""What routes are built from: the route class, its parameters and its dependencies."""
