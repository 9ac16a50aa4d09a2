"""What Redis does in one step when leases are asked for, as a script (Redis 5 and later; docs/limits.md tells why).

KEYS: the epoch, then each budget. ARGV: the epoch that the asker's leases are of (empty for none), a new epoch's name, 1 if the
asker's host has known an epoch, the server's run, the asker's name; then of each budget its size, its window (µs), what is owed,
the least that is of use, what is demanded, what is wanted ahead, and the window that a negative `owed` comes back to. Answers the
epoch, the clock (µs), and of each budget what is given and what was used beyond it.

A window of 0 means slots: of so many (the size) the asker keeps what is `owed` in any case and wants what is `demanded`; it has
them for so long (µs) as stands in the window's number. Given is how many it has from now on. A hash keeps who has how many, and
until when.

An epoch is as long as nothing was forgotten: it ends when its key is gone or another server's run counts. What was handed out
before in the windows in which one began may still be spent, so they give nothing more (`void`), unless nobody can have any.
"""

from __future__ import annotations

import hashlib

TEXT = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local kept = redis.call('HMGET', KEYS[1], 'id', 'void', 'run')
local id, void, run = kept[1], tonumber(kept[2] or '0'), kept[3]
local begun = false
if not id then
  id, begun = ARGV[2], true
  if ARGV[3] == '1' then void = now else void = 0 end
elseif run ~= ARGV[4] then
  id, void, begun = ARGV[2], now, true
elseif ARGV[1] ~= '' and ARGV[1] ~= id and void == 0 then
  void, begun = now, true
end
if begun then
  redis.call('HSET', KEYS[1], 'id', id, 'void', string.format('%.0f', void), 'run', ARGV[4])
end
local function slots(key, size, kept, wanted, hold)
  local every, others = redis.call('HGETALL', key), 0
  for n = 1, #every, 2 do
    local has, till = string.match(every[n + 1], '^(%d+):(%d+)$')
    if tonumber(till) <= now then
      redis.call('HDEL', key, every[n])
    elseif every[n] ~= ARGV[5] then
      others = others + tonumber(has)
    end
  end
  local give = kept
  if void == 0 or now > void + hold then give = math.max(kept, math.min(wanted, size - others)) end
  if give > 0 then
    redis.call('HSET', key, ARGV[5], string.format('%.0f:%.0f', give, now + hold))
    redis.call('PEXPIRE', key, math.ceil(hold / 1000) * 2)
  else
    redis.call('HDEL', key, ARGV[5])
  end
  return give
end
local out = {id, string.format('%.0f', now)}
for i = 2, #KEYS do
  local a = 5 + (i - 2) * 7
  local size, span, owed = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local least, demand, ahead = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
  if span == 0 then
    out[#out + 1] = slots(KEYS[i], size, owed, demand, tonumber(ARGV[a + 7]))
    out[#out + 1] = 0
  else
  local w = math.floor(now / span)
  local was = redis.call('HMGET', KEYS[i], 'w', 'u')
  local last, used = tonumber(was[1] or w), tonumber(was[2] or '0')
  local give, over = 0, 0
  if last <= w then
    if last < w then used = math.max(0, used - size * (w - last)) end
    if owed < 0 and tonumber(ARGV[a + 7]) ~= w then owed = 0 end
    local before = math.max(0, used - size)
    used = math.max(0, used + owed)
    over = math.max(0, math.max(0, used - size) - before)
    local left = size - used
    if void == 0 or math.floor(void / span) < w then
      if least > size then
        if used <= 0 then give = least end
      elseif left >= math.max(least, 1) then
        give = math.min(left, math.max(demand, math.min(ahead, math.floor(left / 8))))
      end
    end
    used = used + give
    if used > 0 then
      redis.call('HSET', KEYS[i], 'w', string.format('%.0f', w), 'u', string.format('%.0f', used))
      redis.call('PEXPIRE', KEYS[i], string.format('%.0f', math.ceil(span / 1000 * (2 + math.floor(used / size)))))
    else
      redis.call('DEL', KEYS[i])
    end
  end
  out[#out + 1] = give
  out[#out + 1] = over
  end
end
return out
"""

DIGEST = hashlib.sha1(TEXT.encode(), usedforsecurity=False).hexdigest()
"""By which the server knows it once it has seen it."""
