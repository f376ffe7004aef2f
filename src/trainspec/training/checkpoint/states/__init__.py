"""The state of optimizer, schedule and scaler as safetensors and JSON; all that is read is checked before use."""
