"""The service: the answers of `answers/` over HTTP, from the same judge as the command line's. No torch."""
