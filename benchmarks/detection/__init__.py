"""How well the detector finds extraction and leaves the rest alone: `python -m benchmarks.detection --corpus FOLDER`."""
