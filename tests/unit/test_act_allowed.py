"""Where requests may go."""

import pytest

from aiops.errors import Misconfigured
from functions.act.allowed import Allowed

PUBLIC = (
    "1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101",
)  # fmt: skip

NOT_PUBLIC = (
    "0.0.0.1", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:db8::1", "2002:7f00:1::", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_need_no_permission(address):
    assert Allowed().permits("hooks.example.com", address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_needs_permission(address):
    assert not Allowed().permits("hooks.example.com", address)


def test_a_network_is_allowed_whatever_name_leads_there_and_nothing_beside_it():
    allowed = Allowed.parse("10.1.0.0/16, fd12::/16 127.0.0.1")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "127.0.0.1"):
        assert allowed.permits("anything", address), address
    for address in ("10.2.0.1", "fd13::1", "127.0.0.2", "169.254.169.254"):
        assert not allowed.permits("anything", address), address


def test_a_name_may_be_private_but_neither_this_machine_nor_its_metadata():
    allowed = Allowed.parse("receiver.aiops.svc.cluster.local .internal.example.com")
    for host in ("receiver.aiops.svc.cluster.local", "RECEIVER.aiops.svc.cluster.local."):
        assert allowed.permits(host, "10.96.0.7")
        assert allowed.permits(host, "fd12::7")
        for never in (
            "127.0.0.1", "::1", "169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254",
            "0.0.0.1", "168.63.129.16", "100.100.100.200", "224.0.0.1", "fe80::1%eth0",
        ):  # fmt: skip
            assert not allowed.permits(host, never), never
    assert allowed.permits("a.b.internal.example.com", "10.0.0.1")
    for host in ("internal.example.com", "evilinternal.example.com", "other", ""):
        assert not allowed.permits(host, "10.0.0.1"), host


@pytest.mark.parametrize("wrong", ["10.0.0.0/40", "10.0.0.1/8", "a b_c", "http://x", "*.x", "1.2"])
def test_what_is_neither_a_network_nor_a_name_stops_the_start(wrong):
    with pytest.raises(Misconfigured, match="ALLOWED_ADDRESSES"):
        Allowed.parse(wrong)
