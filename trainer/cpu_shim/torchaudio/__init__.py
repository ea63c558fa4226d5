"""A stub: LLaMA-Factory imports torchaudio unconditionally and uses it for sound inputs only."""

__version__ = "0.0.0+stub"
