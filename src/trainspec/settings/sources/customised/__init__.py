"""What a class says about its own sources: options of SettingsConfigDict, their order, and sources not of ours."""
