"""A plot brought to Slack in its three calls.

Source: https://docs.slack.dev/messaging/working-with-files/#upload
"""

from urllib.parse import urlsplit

from functions.act.channel import Http
from functions.act.plots.illustrator import Picture
from functions.act.slack.web_api import WebApi


def upload(api: WebApi, http: Http, picture: Picture) -> str:
    """Return Slack's id of the file, empty where it could not be brought there.

    The file is shared with no channel: it is seen where a message shows it.
    """
    wish: dict[str, str | int] = {
        "filename": picture.name,
        "length": len(picture.png),
        "alt_txt": picture.title,
    }
    place = api.ask(http, "files.getUploadURLExternal", wish)
    url, file = place.text("upload_url"), place.text("file_id")
    if not place.well or not file or not _safe(url, api.url):
        return ""
    if api.put(http, url, picture.png).verdict != "done":
        return ""
    entry = {"id": file, "title": picture.title}
    done = api.tell(http, "files.completeUploadExternal", {"files": [entry]})
    return file if done.well else ""


def _safe(url: str, api: str) -> bool:
    """Return whether bytes may be sent to an address: by https, or to where the API itself is."""
    given, known = urlsplit(url), urlsplit(api)
    return given.scheme == "https" or (given.scheme, given.netloc) == (known.scheme, known.netloc)
