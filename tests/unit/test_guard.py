import pytest

from search_api.guard import host_name, is_loopback, is_wildcard, trusted_hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]"])
def test_loopback_addresses_are_seen_as_private(host: str) -> None:
    assert is_loopback(host)
    assert not is_wildcard(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]"])
def test_wildcards_are_seen_as_open(host: str) -> None:
    assert is_wildcard(host)
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["192.168.1.5", "photos.example", "fd00::7"])
def test_other_addresses_are_neither(host: str) -> None:
    assert not is_wildcard(host)
    assert not is_loopback(host)


def test_bound_and_allowed_names_are_trusted_beside_the_local_ones() -> None:
    assert trusted_hosts("[FD00::7]", ["Photos.Example"]) == {
        "localhost",
        "127.0.0.1",
        "::1",
        "fd00::7",
        "photos.example",
    }


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost:8420", "localhost"),
        ("LOCALHOST", "localhost"),
        ("[::1]:8420", "::1"),
        ("", ""),
        ("a@localhost", ""),
        ("localhost/x", ""),
        ("localhost:port", ""),
        ("[::1", ""),
        ("local\nhost", ""),
    ],
)
def test_host_header_gives_its_name_or_nothing(header: str, name: str) -> None:
    assert host_name(header) == name
