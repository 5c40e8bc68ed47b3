"""For operators: logs, Prometheus metrics, readiness, OpenTelemetry, and `holdout doctor`."""
