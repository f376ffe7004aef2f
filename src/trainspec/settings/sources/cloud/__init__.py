"""Secret managers of clouds, as TRAINSPEC_SECRETS_FROM names them: addresses, clients, what they say, ranks that share."""
