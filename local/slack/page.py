"""Messages as one self-contained page that looks much like Slack."""

import base64
import html
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.slack.files import Files
from local.slack.post import Post

STYLE = """
*{box-sizing:border-box}
body{margin:0;padding:20px 24px;background:#fff;color:#1d1c1d;width:760px;
 font:15px/1.46668 Lato,"Noto Sans","Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
.room{font-weight:900;font-size:18px;padding:0 0 10px;border-bottom:1px solid #ddd;margin:0 0 14px}
.message{display:grid;grid-template-columns:36px 1fr;column-gap:10px;padding:6px 0}
.avatar{width:36px;height:36px;border-radius:6px;background:#1f3b57;display:grid;
 place-items:center}
.avatar svg{width:24px;height:24px}
.who{font-weight:900}
.app{font-size:10px;font-weight:700;background:#dddddd;color:#454447;border-radius:2px;
 padding:1px 3px;margin:0 6px 0 4px;vertical-align:2px}
.time{font-size:12px;color:#616061}
.edited{color:#616061;font-size:12px}
.block{margin:6px 0}
.header{font-size:18px;font-weight:900;line-height:1.33;margin:6px 0 8px}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:10px 20px}
.context{color:#616061;font-size:13px;display:flex;flex-wrap:wrap;gap:2px 12px}
code{font:12px/1.5 "Liberation Mono",Menlo,Consolas,monospace;color:#c01343;
 background:#f8f8f8;border:1px solid #dedede;border-radius:3px;padding:1px 3px}
.picture{max-width:580px;border-radius:8px;border:1px solid #ddd;display:block;margin-top:4px}
.row{display:flex;flex-wrap:wrap;gap:8px}
button{font:inherit;font-size:13px;font-weight:700;padding:4px 12px;border-radius:8px;
 border:1px solid #bbb;background:#fff;color:#1d1c1d;height:32px}
button.primary{background:#007a5a;border-color:#007a5a;color:#fff}
button.danger{background:#e01e5a;border-color:#e01e5a;color:#fff}
a{color:#1264a3;text-decoration:none}
.dialog{margin:10px 0 0;border:1px solid #ccc;border-radius:10px;padding:14px 16px;width:440px;
 box-shadow:0 4px 14px #0002}
.dialog b{font-size:16px}
.dialog .row{justify-content:flex-end;margin-top:12px}
.thread{margin:8px 0 0 46px;border-left:2px solid #e8e8e8;padding-left:14px}
.count{color:#1264a3;font-size:13px;font-weight:700;margin:8px 0 2px}
.also{color:#616061;font-size:12px}
"""

_MARK = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="#fff" stroke-width="2.2" stroke-linecap="round"'
    ' stroke-linejoin="round"><path d="M2 14h4l3-9 4 15 3-10 2 4h4"/></svg>'
)


def page(room: str, root: Post, thread: Sequence[Post], files: Files, dialog: str = "") -> str:
    """Return a page with a message, and below it its thread.

    Args:
        room: Name of the channel.
        root: The message.
        thread: What was replied.
        files: What pictures are taken from.
        dialog: Action id of a button whose dialog is shown open; empty for none.
    """
    replies = "".join(_message(post, files) for post in thread)
    count = f"{len(thread)} {'reply' if len(thread) == 1 else 'replies'}"
    below = f'<div class="thread"><div class="count">{count}</div>{replies}</div>' if thread else ""
    asked = _dialog(root.buttons[dialog]) if dialog else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Slack</title>'
        f'<style>{STYLE}</style><body><div class="room"># {html.escape(room)}</div>'
        f"{_message(root, files, asked)}{below}</body></html>"
    )


def _message(post: Post, files: Files, asked: str = "") -> str:
    shown = "".join(f'<div class="block">{_block(one, files)}</div>' for one in post.blocks)
    when = datetime.fromtimestamp(float(post.ts), UTC).strftime("%H:%M")
    edited = '<span class="edited">(edited)</span>' if post.edits else ""
    also = '<div class="also">also sent to the channel</div>' if post.broadcast else ""
    return (
        f'<div class="message"><div class="avatar">{_MARK}</div><div>'
        f'<span class="who">aiops</span><span class="app">APP</span>'
        f'<span class="time">{when}</span>{shown}{edited}{also}{asked}</div></div>'
    )


def _block(block: Mapping[str, Any], files: Files) -> str:
    kind = block["type"]
    if kind == "header":
        return f'<div class="header">{html.escape(block["text"]["text"])}</div>'
    if kind == "section":
        text = _text(block["text"]) if "text" in block else ""
        fields = "".join(f"<div>{_text(one)}</div>" for one in block.get("fields", ()))
        return text + (f'<div class="fields">{fields}</div>' if fields else "")
    if kind == "context":
        parts = "".join(f"<span>{_text(one)}</span>" for one in block["elements"])
        return f'<div class="context">{parts}</div>'
    if kind == "image":
        content = base64.b64encode(files.content(block["slack_file"]["id"])).decode()
        alt = html.escape(block["alt_text"])
        return f'<img class="picture" alt="{alt}" src="data:image/png;base64,{content}">'
    return '<div class="row">' + "".join(map(_button, block["elements"])) + "</div>"


def _button(button: Mapping[str, Any]) -> str:
    text = html.escape(button["text"]["text"])
    return f'<button class="{html.escape(button.get("style", ""))}">{text}</button>'


def _dialog(button: Mapping[str, Any]) -> str:
    parts = {name: html.escape(button["confirm"][name]["text"]) for name in _DIALOG}
    return (
        f'<div class="dialog"><b>{parts["title"]}</b><div class="block">{parts["text"]}</div>'
        f'<div class="row"><button>{parts["deny"]}</button>'
        f'<button class="danger">{parts["confirm"]}</button></div></div>'
    )


_DIALOG = ("title", "text", "confirm", "deny")


def _text(text: Mapping[str, Any]) -> str:
    """Return text as Slack shows it: bold, code and links of ours, everything else as written."""
    if text["type"] == "plain_text":
        return html.escape(text["text"])
    escaped = re.sub(r"<([^|>]+)\|([^>]+)>", "\x00\\1\x01\\2\x02", text["text"])
    plain = html.escape(html.unescape(escaped))
    plain = re.sub("\x00(.*?)\x01(.*?)\x02", r'<a href="\1">\2</a>', plain)
    plain = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", plain)
    plain = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>", plain)
    return plain.replace("\n", "<br>")
