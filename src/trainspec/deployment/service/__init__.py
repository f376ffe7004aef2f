"""What runs `trainspec serve`: units of systemd, a compose file, manifests of Kubernetes. No document is asked for."""
