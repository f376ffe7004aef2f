"""Streams of rows whose readers are known to be somewhere, so that another run goes on there."""
