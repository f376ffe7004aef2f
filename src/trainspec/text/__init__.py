"""Text for people: what may be shown of a value, suggestions for a mistyped name, lines of a bearable width."""
