"""The terminal app: one controller, a reactive state, screens that render it."""

import os

# Textual puts a frame that comes while another is drawn off by one to two of its periods. At its own 60 a second a key
# beside a chart that grows waited up to 50 ms for its effect, most of it idle. Nothing is drawn that has not changed,
# so that a short period costs nothing. It is read once, when Textual is imported.
os.environ.setdefault("TEXTUAL_FPS", "240")
