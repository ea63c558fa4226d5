"""Screens: they show the app's state and send what the person wants to the controller."""
