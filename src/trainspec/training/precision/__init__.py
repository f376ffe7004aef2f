"""Number formats: autocast and loss scaling, TF32, models in half precision, evaluation in another format."""
