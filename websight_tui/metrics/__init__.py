"""PURE: what a run writes about itself (events, trainer logs, job output) in; series, segments and findings out."""
