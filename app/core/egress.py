"""The way out to addresses that others choose: which of them may be called at all (SSRF).

Three checks, none of which stands for another. The address as written: https, a name with a dot, ports of the web. The
addresses it resolves to, now: every one of them public. And the connection itself, which `core/wire.py` makes to
an address that was checked, not to the name. Hosts that the deployment names are its own, and exempt.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from app.core.language import Text

RESOLVE_SECONDS = 3.0
LONGEST_URL = 500
_WEB_PORTS = {443, 8443}
_NAMED_PORTS = {80, 443, 8443}  # of a named host without a port
_DISCARD = 9
_RESOLVERS = 32  # a name server that hangs must not keep other names waiting

# One pattern and no parser, so that no two parsers can differ: no user, no IPv6, no fragment, nothing beyond ASCII.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)"
)
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_NAMED_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?")

_DENIED_V4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
# Of IPv6 only global unicast is let through, and of that not what stands for an IPv4 address or for nothing.
_GLOBAL_V6 = IPv6Network("2000::/3")
_DENIED_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))

Resolve = Callable[[str, int], Awaitable[list[str]]]


_REFUSALS = {
    "invalid_url": Text(
        "地址须形如 https://crm.example.com/hooks：域名（国际化域名用 xn-- 形式），不含用户名、# 和空格",
        "An address is written https://crm.example.com/hooks: a domain name (international ones as xn--), "
        "no user, # or space",
    ),
    "https_required": Text("须使用 https", "https is required"),
    "port_not_allowed": Text("端口只允许 443 和 8443", "Ports 443 and 8443 are allowed"),
    "unresolvable_host": Text("域名无法解析", "The host name does not resolve"),
    "address_not_public": Text(
        "该域名指向内部或保留地址；公司自己的主机须由部署方在 AFTERSALES_WEBHOOK_HOSTS 中列出",
        "The host has an internal or reserved address; the operator names the company's own hosts in "
        "AFTERSALES_WEBHOOK_HOSTS",
    ),
}


class TargetRefused(Exception):
    """An address that nothing is sent to. `code` is API; `detail` names no address that was found out."""

    def __init__(self, code: str) -> None:
        self.code, self.detail = code, _REFUSALS[code]
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the parts a request is made of. `trusted` hosts are the deployment's own."""

    scheme: str
    host: str
    port: int
    path: str
    trusted: bool

    @property
    def authority(self) -> str:
        """The `Host` header."""
        usual = 443 if self.scheme == "https" else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def named_host(entry: str) -> str:
    """Return an entry of the deployment's own hosts, `host` or `host:port`, in lower case. Raises: ValueError."""
    entry = entry.strip().lower()
    if not _NAMED_HOST.fullmatch(entry):
        raise ValueError("hosts are written host or host:port, separated by commas")
    return entry


class Egress:
    """Decides what may be called. `hosts` are the deployment's own: http, and private addresses, are theirs."""

    def __init__(self, hosts: Iterable[str] = (), *, resolve: Resolve | None = None) -> None:
        self._hosts = frozenset(hosts)
        self._resolve = resolve or _Resolver()

    def read(self, url: str) -> Target:
        """Return a URL's parts. Raises: TargetRefused for what is never called, whatever it resolves to."""
        found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
        if found is None:
            raise TargetRefused("invalid_url")
        scheme, host = found["scheme"], found["host"].lower()
        port = int(found["port"] or (443 if scheme == "https" else 80))
        trusted = f"{host}:{port}" in self._hosts or (host in self._hosts and port in _NAMED_PORTS)
        if not trusted:
            _check_public(scheme, host, port)
        target = found["target"]
        return Target(scheme, host, port, target if target.startswith("/") else f"/{target}", trusted)

    async def check(self, url: str) -> None:
        """See that a URL may be called now. A trusted host need not resolve yet.

        Raises: TargetRefused.
        """
        target = self.read(url)
        if not target.trusted:
            await self.addresses(target)

    async def addresses(self, target: Target) -> list[str]:
        """Return the addresses to connect to. One that is not public spoils them all: the name cannot be trusted.

        Raises: TargetRefused.
        """
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError):
            raise TargetRefused("unresolvable_host") from None
        if not found:
            raise TargetRefused("unresolvable_host")
        if not target.trusted and not all(is_public(address) and not _is_ours(address) for address in found):
            raise TargetRefused("address_not_public")
        return found


def _check_public(scheme: str, host: str, port: int) -> None:
    """A last label that begins with a letter is no number: resolvers read `2130706433` and `0x7f.1` as addresses."""
    if not _NAME.fullmatch(host):
        raise TargetRefused("invalid_url")
    if scheme != "https":
        raise TargetRefused("https_required")
    if port not in _WEB_PORTS:
        raise TargetRefused("port_not_allowed")


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet; Python's own `is_global` knows too few exceptions."""
    found: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return found in _GLOBAL_V6 and not any(found in denied for denied in _DENIED_V6)
        found = found.ipv4_mapped
    return not any(found in denied for denied in _DENIED_V4)


def _is_ours(address: str) -> bool:
    """Tell whether an address is this machine's own: the way to such begins where it ends. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _DISCARD))
            return bool(probe.getsockname()[0] == address)
    except OSError:  # no way there at all
        return False


class _Resolver:
    """The system's resolver, in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
        return list(dict.fromkeys(found))


def _look_up(host: str, port: int) -> list[str]:
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
