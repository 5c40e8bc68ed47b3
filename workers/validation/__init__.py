"""Validation messages: what is wrong with a spec, where, which value was given, and what would be right.

errors        turns pydantic's errors into field errors
locations     follows pydantic's locations through the declarations of a spec
messages      words an error in the terms of JSON
suggestions   finds the name that was probably meant
"""
