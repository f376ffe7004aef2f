"""DeepSpeed: its engine owns backward, clip and step, and its optimizer is split over the processes as ZeRO says.

The library is imported when a model is to train under it, and nowhere but in `library.py`.
"""
