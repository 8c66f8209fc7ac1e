"""Files brought to a workspace: expected, taken, completed, and after a while shown.

Source: https://docs.slack.dev/messaging/working-with-files/#upload
"""

import secrets
from dataclasses import dataclass, field

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(slots=True)
class File:
    """One file.

    Attributes:
        key: The secret end of the address its bytes are sent to.
        length: In bytes, as it was announced.
        looks: How often it will not be found yet, because it is being worked on.
    """

    id: str
    key: str
    length: int
    content: bytes = b""
    complete: bool = False
    looks: int = 0


@dataclass(slots=True)
class Files:
    """The files of a workspace.

    Attributes:
        work: How often a completed file is not found before it can be shown.
    """

    work: int = 0
    _files: dict[str, File] = field(default_factory=dict)

    def expect(self, length: int) -> File:
        """Return a place for a file."""
        file = File(f"F{secrets.token_hex(5).upper()}", secrets.token_urlsafe(24), length)
        self._files[file.id] = file
        return file

    def take(self, key: str, content: bytes) -> bool:
        """Take the bytes sent to an address; False where they are not those announced."""
        file = next((one for one in self._files.values() if one.key == key), None)
        if file is None or len(content) != file.length or file.complete:
            return False
        file.content = content
        return True

    def complete(self, name: str) -> bool:
        """Finish an upload; False where nothing was sent, or it was finished before."""
        file = self._files.get(name)
        if file is None or not file.content or file.complete:
            return False
        file.complete, file.looks = True, self.work
        return True

    def ready(self, name: str) -> bool:
        """Return whether a block may show a file: a picture that is no longer worked on."""
        file = self._files.get(name)
        if file is None or not file.complete or not file.content.startswith(PNG):
            return False
        file.looks -= 1
        return file.looks < 0

    def content(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            KeyError: there is none.
        """
        return self._files[name].content
