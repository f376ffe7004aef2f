"""What is written for apps of pydantic-settings with settings inside, under the app's own names."""
