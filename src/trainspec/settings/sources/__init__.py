"""The sources of settings: environment, dotenv, secret files, configuration files, command line."""
