"""What is wrong with a spec, said in words that help: the place, the value given, and what would be right."""
