"""Typed models of the settings that are mappings: an unknown key inside them is an error too."""
