"""The terminal app: one controller, a reactive state, screens that render it."""
