"""What an operator watches: logs, metrics, readiness, traces."""
