"""Settings as a field of somebody else's BaseSettings: what each of the app's own sources says of them, and where."""
