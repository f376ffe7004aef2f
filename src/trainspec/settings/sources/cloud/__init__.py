"""Secret managers of clouds, as TRAINSPEC_SECRETS_FROM names them: addresses, clients, refusals, ranks of a node."""
