"""TLS to the API. A module of its own, because importing ssl takes longer than a whole request."""

import socket
import ssl


def wrap(sock: socket.socket, host: str) -> ssl.SSLSocket:
    """The certificate is checked against the machine's roots, or against SSL_CERT_FILE."""
    return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
