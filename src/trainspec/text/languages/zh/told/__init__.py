"""What commands and the service say of their work, and of requests that they refuse."""
