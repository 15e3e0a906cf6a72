"""Random answers against the parsers. Run: ``python -m fuzz`` or ``make fuzz``."""
