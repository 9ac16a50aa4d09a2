"""A model API on loopback that does what the request tells it to do: three dialects, and every way an answer can go wrong.

**Where the script stands.** A script is a list of words `key=value` (a bare `key` means `key=true`), found in three places; a
later place overrides an earlier one, key by key:

1. the model's name: `scripted-` and words joined by `-`: a status (`429`), a count (`once`, `twice`, `thrice`), a fault (`reset`).
   `scripted-429-twice` is `status=429 times=2`; any other model name is an ordinary one;
2. the header `x-script: status=503 retry_after=1`;
3. the last `[[script: …]]` anywhere in the body, so mostly in the last user message: `[[script: chunks=20 delay_ms=10]]`.

A script that cannot be read is answered with 400 and the reason. No script: a plausible answer in the path's dialect.

**What it can say** is written field by field in `script.Script`. The main ones:

* the text: `words= seed= chunks= tool reasoning finish=`, and `quirk=groq` for the ways of another host (`quirks.QUIRKS`)
* the status: `status= times= retry_after= retry_after_ms= should_retry=` (`times=2`: the first two attempts of the same request
  get the status or the fault, the third is answered)
* the pace: `head_delay_ms= body_delay_ms= delay_ms=`
* the framing: `framing=length|chunked|close chunk_size= length_off= encoding=gzip|br|zstd|deflate interim=103 head=… then=…`
* the size: `headers= header_bytes= duplicates= bomb_mib=`
* the fault: `fault=reset|close|half_close|stall|truncate|error_event|infinite|garbage|bad_chunk at=start|head|body after_bytes=`
* the request: `early` (answer before its body is read) and `read=stall` (never read it); both only from the header or the path,
  since the body has not come yet.

**The dialect** follows the path's end (`/chat/completions`, `/messages`, `…:generateContent`), whatever stands before it; for
`/models`, which all three have, the headers decide (`anthropic-version`, `x-goog-*`) or a first segment
(`/anthropic`, `/gemini`).
"""
