"""What documents of settings may say, as JSON Schema: fields, sections, rules. Imported when one is asked for."""
