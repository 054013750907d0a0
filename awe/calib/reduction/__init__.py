"""The reduction of one science frame: its settings, its steps, and what it gives."""
