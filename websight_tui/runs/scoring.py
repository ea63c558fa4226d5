"""Keeps every forecast with its run, and how it did once the run has finished."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from websight_tui.projection.model import Forecast, Score, Verdict
from websight_tui.runs import events as e
from websight_tui.runs.forecasting import score_of
from websight_tui.runs.store import Store

if TYPE_CHECKING:
    from websight_tui.runs.track import RunTrack

_FORECAST: Final = "forecast"
_SCORE: Final = "forecast_score"


def keep_forecast(store: Store, run_id: str, made: Forecast) -> None:
    """Stores the whole forecast of a run. Raises StoreError."""
    store.put_fact(run_id, _FORECAST, dataclasses.asdict(made))


def load_forecast(store: Store, run_id: str) -> tuple[Forecast | None, Score | None]:
    """What was kept of a run's forecast: itself, and its score. Raises StoreError."""
    return _forecast(store.fact(run_id, _FORECAST)), _score(store.fact(run_id, _SCORE))


def score_if_finished(track: RunTrack, store: Store, emit: Callable[[e.Event], None], now: float) -> None:
    """Scores the forecast of a run that has just finished, once. Raises StoreError."""
    with track.lock:
        if track.score is not None or track.forecast is None or not all(job.final for job in track.jobs):
            return
        score = score_of(track.view())
        if score is None:
            return
        store.put_fact(track.spec.run_id, _SCORE, dataclasses.asdict(score))
        track.score = score
        emit(e.Scored(track.spec.run_id, score, now))


def _forecast(value: object) -> Forecast | None:
    """A record of another version is no forecast."""
    if not isinstance(value, dict):
        return None
    try:
        band = value["seconds_80"]
        values = {**value, "seconds_80": None if band is None else (band[0], band[1])}
        return Forecast(**{**values, "verdict": Verdict(value["verdict"])})
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def _score(value: object) -> Score | None:
    try:
        return Score(**value) if isinstance(value, dict) else None
    except TypeError:
        return None
