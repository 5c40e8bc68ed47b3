"""The pages for people: templates, and the client with which they read the API as every other program does."""
