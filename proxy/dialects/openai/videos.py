"""Videos: jobs that are asked for with a text, and with pictures or videos that exist."""

from __future__ import annotations

from proxy.dialects.openai import content, requests
from proxy.dialects.openai.rows import about, asking, form

_VIDEO = "/v1/videos/{video_id}"

ROWS = (
    form("video_create", "/v1/videos", requests.read_form, "video", turns=content.form_turns, teaches=True),
    form("video_character", "/v1/videos/characters", requests.read_form, turns=content.form_turns),
    about("video_character", "GET", "/v1/videos/characters/{character_id}"),
    form("video_edit", "/v1/videos/edits", requests.read_form, "video", turns=content.form_turns, teaches=True),
    form("video_extend", "/v1/videos/extensions", requests.read_form, "video", turns=content.form_turns, teaches=True),
    about("videos", "GET", "/v1/videos"),
    about("video_content", "GET", _VIDEO + "/content", teaches=True),
    asking("video_remix", _VIDEO + "/remix", requests.read_picture, "video", turns=content.prompt_turns, teaches=True),
    about("video", "GET", _VIDEO, "video"),
    about("video_delete", "DELETE", _VIDEO),
)
