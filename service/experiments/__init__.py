"""What is done with an experiment on request, and what is made of its figures."""
