"""`python -m websight_tui` is the `websight-tui` command."""

from websight_tui.cli import main

raise SystemExit(main())
