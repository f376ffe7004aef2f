"""What many processes cost: memory, traffic, files of each, from formulas alone, before any of them is started."""
