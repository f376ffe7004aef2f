"""What operators see of a service: numbers and spans, of which none holds anything that a client sent."""
