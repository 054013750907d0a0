"""Which account of this machine is at the other end of a local TCP connection.

Owns one question to the kernel about one connection (Linux: sock_diag over netlink), some 20
microseconds; elsewhere nothing is known. It is asked when connections are scarce, not before.
"""

from __future__ import annotations

import socket
import struct
import sys

__all__ = ["account_of"]

_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_ANY_COOKIE = 0xFFFFFFFF
#: Length of the header of a message, and the place of the account in an answer.
_HEADER = struct.Struct("=IHHII")
_ACCOUNT = struct.Struct("=I")
# idiag_uid in struct inet_diag_msg, behind four bytes, the connection, and three counters.
_ACCOUNT_AT = _HEADER.size + 4 + 48 + 12


def account_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the number of the account that owns the client's socket, None if it is not known."""
    if sys.platform != "linux":
        return None
    # struct inet_diag_req_v2 of <linux/inet_diag.h>: family, protocol, no extensions, any state;
    # then the connection as the client sees it, ports and addresses in the order of the network.
    wanted = struct.pack(
        "=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF
    ) + struct.pack("!HH", client[1], server[1])
    try:
        ends = [socket.inet_aton(host).ljust(16, b"\0") for host, _ in (client, server)]
    except OSError:
        return None
    wanted += b"".join(ends) + struct.pack("=III", 0, _ANY_COOKIE, _ANY_COOKIE)
    length = _HEADER.size + len(wanted)
    question = _HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _REQUEST, 0, 0) + wanted
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(0.1)
            kernel.send(question)
            answer = kernel.recv(4096)
    except OSError:
        return None
    # Else NLMSG_ERROR: the connection is gone, or the kernel does not tell.
    kind = _HEADER.unpack_from(answer)[1]
    if kind != _SOCK_DIAG_BY_FAMILY:
        return None
    return int(_ACCOUNT.unpack_from(answer, _ACCOUNT_AT)[0])


_NETLINK_SOCK_DIAG = 4
