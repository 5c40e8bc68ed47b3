"""Access to the API: authentication, scopes, rate limits, and requests from other origins."""
