"""paramiko's Transport with a login dialogue that survives several factors.

The plain Transport asks for the login service again before each factor, which strict servers answer by hanging up. Its
`ServiceRequestingTransport` asks once, but (in 5.1) cannot do the "none" request, may miss an answer that comes at
once, and waits for ever if the line breaks at the start; these three are put right here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import paramiko
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.message import Message
from paramiko.transport import ServiceRequestingTransport

_USERAUTH_REQUEST: Final = b"\x32"
_SERVICE_REQUEST: Final = b"\x05"
_MESSAGE_60: Final = 60


class _AuthHandler(AuthOnlyHandler):
    _accepted = False

    def send_auth_request(
        self, username: str, method: str, finish_message: Callable[[Message], object] | None = None
    ) -> list[str]:
        self.auth_method, self.username = method, username
        message = Message()
        message.add_byte(_USERAUTH_REQUEST)
        message.add_string(username)
        message.add_string("ssh-connection")
        message.add_string(method)
        if finish_message is not None:
            finish_message(message)
        transport: Any = self.transport
        # Before the request is sent: the answer may be there before the next line runs.
        self.auth_event = threading.Event()
        transport.saved_exception = None
        with transport.lock:
            transport._send_message(message)
        return self.wait_for_response(self.auth_event)

    def would_accept(self, username: str, kind: str, blob: bytes) -> bool:
        """Asks whether a public key would do, without proving that we hold it."""

        inner: Any = self

        def finish(message: Message) -> None:
            message.add_boolean(False)
            message.add_string(inner._finalize_pubkey_algorithm(kind))
            message.add_string(blob)

        self._accepted = False
        try:
            self.send_auth_request(username, "publickey", finish)
        except paramiko.AuthenticationException:
            if not self.transport.is_active():
                raise
        return self._accepted

    @property
    def _client_handler_table(self) -> dict[int, Callable[[Message], None]]:
        base: Any = super()
        return {**base._client_handler_table, _MESSAGE_60: self._on_60}

    def _on_60(self, message: Message) -> None:
        # One number, two meanings: "this key would do", and a round of keyboard-interactive questions.
        if self.auth_method == "publickey" and self.auth_event is not None:
            self._accepted = True
            self.auth_event.set()
        else:
            inner: Any = self
            inner._parse_userauth_info_request(message)


class LoginTransport(ServiceRequestingTransport):
    """A Transport for `ssh_auth.authenticate`."""

    _service_userauth_accepted: bool

    def get_auth_handler(self) -> AuthOnlyHandler:
        return _AuthHandler(self)

    def would_accept(self, username: str, kind: str, blob: bytes) -> bool:
        """Whether the server would accept a public key of this type and content for `username`."""
        self.ensure_session()
        handler = self.auth_handler
        return isinstance(handler, _AuthHandler) and handler.would_accept(username, kind, blob)

    def ensure_session(self) -> None:
        """Asks for the login service once. Raises SSHException if the line breaks or nothing comes."""
        if self._service_userauth_accepted:
            return
        if not self.is_active() or not self.initial_kex_done:
            raise paramiko.SSHException("No existing session")
        message = Message()
        message.add_byte(_SERVICE_REQUEST)
        message.add_string("ssh-userauth")
        transport: Any = self
        transport._send_message(message)
        deadline = time.monotonic() + self.banner_timeout
        pause = threading.Event()
        while not self._service_userauth_accepted:
            if not self.is_active() or time.monotonic() > deadline:
                raise paramiko.SSHException("The server did not start the login")
            pause.wait(0.005)
        self.auth_handler = self.get_auth_handler()
