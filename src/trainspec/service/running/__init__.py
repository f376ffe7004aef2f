"""The service as processes: its sockets, its certificate, one server or several that are replaced when they die."""
