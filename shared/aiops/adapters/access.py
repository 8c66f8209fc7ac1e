"""How a server is told who asks: what a mounted Secret holds, read again whenever it is needed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiops.errors import Misconfigured, Unavailable

LONGEST_SECRET = 16_384


@dataclass(frozen=True, slots=True)
class Access:
    """Files that say who asks, and whom to believe. Each may be absent; none is kept in memory.

    Attributes:
        name: Of the server, for errors.
        folder: A mounted Secret with any of `token`, `username` and `password`, `ca.crt`,
            `tls.crt` and `tls.key`, `tenant`; None where there is none.
        token_file: A bearer token elsewhere, such as that of the service account.
    """

    name: str
    folder: Path | None = None
    token_file: Path | None = None

    @classmethod
    def of(cls, name: str, read: Callable[[str], str | None]) -> "Access":
        """Return what `NAME_ACCESS` and `NAME_TOKEN_FILE` say.

        Args:
            name: Such as `Prometheus`.
            read: Returns a variable of the environment, None where it is empty.

        Raises:
            Misconfigured: what is there contradicts itself.
        """
        folder, token = read(f"{name.upper()}_ACCESS"), read(f"{name.upper()}_TOKEN_FILE")
        access = cls(name, Path(folder) if folder else None, Path(token) if token else None)
        access.check()
        return access

    def check(self) -> None:
        """Refuse files that contradict each other.

        Raises:
            Misconfigured: the message names the file.
        """
        where = f"{self.name.upper()}_ACCESS"
        if self._file("username") and self._token():
            raise Misconfigured(f"{where}: both a token and a username")
        for one, other in (("username", "password"), ("tls.key", "tls.crt")):
            if self._file(one) and not self._file(other):
                raise Misconfigured(f"{where}: {one} without {other}")

    def headers(self) -> dict[str, str]:
        """Return what is sent along with a question, but for a username and password.

        Raises:
            Unavailable: a file cannot be read, or holds something else.
        """
        headers = {}
        token = self._token()
        if token:
            headers["Authorization"] = f"Bearer {self._read(token)}"
        tenant = self._file("tenant")
        if tenant:
            headers["X-Scope-OrgID"] = self._read(tenant)
        return headers

    def basic(self) -> tuple[bytes, bytes] | None:
        """Return username and password.

        Raises:
            Unavailable: a file cannot be read, or holds something else.
        """
        username, password = self._file("username"), self._file("password")
        if username is None or password is None:
            return None
        return self._read(username).encode(), self._read(password).encode()

    def transport(self) -> dict[str, Any]:
        """Return what `requests` is told of TLS: whose certificates to believe, and ours."""
        told: dict[str, Any] = {}
        authority = self._file("ca.crt")
        if authority:
            told["verify"] = str(authority)
        certificate, key = self._file("tls.crt"), self._file("tls.key")
        if certificate:
            told["cert"] = (str(certificate), str(key)) if key else str(certificate)
        return told

    def _token(self) -> Path | None:
        return self.token_file or self._file("token")

    def _file(self, name: str) -> Path | None:
        file = self.folder / name if self.folder else None
        return file if file is not None and file.is_file() else None

    def _read(self, file: Path) -> str:
        """Return the text of a file; what is wrong with it is told without a word of it."""
        try:
            with file.open("rb") as opened:
                text = opened.read(LONGEST_SECRET).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = f"{self.name}: {file.name} cannot be read ({type(error).__name__})"
            raise Unavailable(why) from None
        if not text or not text.isprintable():
            raise Unavailable(f"{self.name}: {file.name} is empty or has more than one line")
        return text
