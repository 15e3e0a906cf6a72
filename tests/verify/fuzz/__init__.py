"""Random answers against the parsers. Run: ``python -m tests.verify.fuzz`` or ``make fuzz``."""
