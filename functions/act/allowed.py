"""Where requests may go: to public addresses, and to what was allowed by network or by name.

Whoever can set an address, or answer for its name, must not be able to make this process talk to
itself, to its neighbours or to the machine's metadata service.
"""

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self

from aiops.errors import Misconfigured

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_V6 = IPv6Network("2000::/3")
"""The only part of IPv6 that is routed. Source: https://www.rfc-editor.org/rfc/rfc4291#section-2.4"""

_NAT64 = IPv6Network("64:ff9b::/96")
"""Stands for the IPv4 address in its last 32 bits. Source: https://www.rfc-editor.org/rfc/rfc6052"""

_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32",
        "::/128", "::1/128", "fe80::/10", "ff00::/8", "fd00:ec2::254/128", "168.63.129.16/32",
        "100.100.100.200/32",
    )
)  # fmt: skip
"""What a name that was allowed does not lead to: this machine, its link, groups, and the metadata
services that have addresses of their own (AWS on IPv6, Azure, Alibaba)."""

_SPECIAL = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20",
        "168.63.129.16/32",
    )
)  # fmt: skip
"""Not public although Python takes some of it for that: protocol assignments, tunnels, examples.
Source: https://www.iana.org/assignments/iana-ipv6-special-registry and its sibling for IPv4"""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be talked to besides what is public.

    Attributes:
        networks: Any address in them.
        hosts: Names, in lower case; one that starts with a dot stands for all names below it. What
            they resolve to may be private, but neither this machine nor its link.
    """

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, name: str = "ALLOWED_ADDRESSES") -> Self:
        """Read networks and host names with commas or spaces between them.

        Raises:
            Misconfigured: one is neither.
        """
        networks: list[Network] = []
        hosts: list[str] = []
        for item in text.replace(",", " ").split():
            try:
                networks.append(ip_network(item))
            except ValueError:
                if not _is_name(item):
                    raise Misconfigured(f"{name}: {item!r}: expected networks or names") from None
                hosts.append(item.lower().rstrip("."))
        return cls(tuple(networks), tuple(hosts))

    def permits(self, host: str, address: str) -> bool:
        """Return whether an address that a name was resolved to may be talked to."""
        one = _meant(ip_address(address.partition("%")[0]))
        if any(one in network for network in self.networks):
            return True
        if self._names(host.lower().rstrip(".")):
            return not any(one in network for network in _NEVER)
        return _is_public(one)

    def _names(self, host: str) -> bool:
        return any(
            host.endswith(each) if each.startswith(".") else host == each for each in self.hosts
        )


def _is_name(item: str) -> bool:
    labels = item.removeprefix(".").rstrip(".").split(".")
    plain = all(label and label.replace("-", "a").isalnum() for label in labels)
    return plain and item.isascii() and not labels[-1].isdigit()


def _meant(one: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(one, IPv4Address):
        return one
    if one.ipv4_mapped is not None:
        return one.ipv4_mapped
    return IPv4Address(int(one) & 0xFFFF_FFFF) if one in _NAT64 else one


def _is_public(one: Address) -> bool:
    if not one.is_global or one.is_multicast or any(one in network for network in _SPECIAL):
        return False
    return isinstance(one, IPv4Address) or one in _GLOBAL_V6
