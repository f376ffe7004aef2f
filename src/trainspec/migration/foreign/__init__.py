"""Configuration files of other programs: which program's, what of it means a setting here, and what does not."""
