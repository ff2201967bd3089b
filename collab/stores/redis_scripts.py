"""What Redis does in one step: one script per kind of write, and the read that must be of one moment.

Everything of a document lies under one hash tag. ``meta`` is a hash: ``epoch`` (which incarnation of
the log this is), ``position`` (of the last entry), ``snapshot`` (the position that the snapshot stands
for), ``size``, ``created``, ``updated``, ``version`` (the last version id), ``deleted`` (epochs of
documents with this name that are gone). The log is a stream with the ids ``<position>-0``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

#: seconds for which a deleted document is remembered, so that nodes which were away do not bring it back
REMEMBER_DELETED = 7 * 86_400
#: seconds for which the last batch of a node is remembered, so that a repetition is recognised
REMEMBER_BATCH = 3_600
#: bytes of updates that a bell carries itself
BELL_BYTES = 8_192
#: epochs of deleted documents that are remembered per name
_DELETED = 8


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the hash under which Redis knows it once it is loaded."""

    source: str
    sha: str


def _script(source: str) -> Script:
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


_NOW = """
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
"""

#: KEYS meta log batch; ARGV epoch fresh floor batch-number node channel (participant update)*
#: -> {'ok', epoch, first, last} or {'deleted' | 'lost' | 'changed' | 'behind'}
APPEND = _script(f"""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'deleted')
local epoch, position, expected = meta[1], tonumber(meta[2] or '0'), ARGV[1]
local function was_deleted()
  return meta[3] and string.find(meta[3], expected, 1, true)
end
if expected ~= '' and epoch ~= expected then
  if was_deleted() then return {{'deleted'}} end
  if epoch then return {{'changed'}} end
  return {{'lost'}}
end
if not epoch then
  epoch = ARGV[2]
  position = math.max(position, tonumber(ARGV[3]))
  redis.call('PERSIST', KEYS[1])
elseif expected ~= '' and position < tonumber(ARGV[3]) then
  return {{'behind'}}
end
local before = redis.call('GET', KEYS[3])
if before then
  local its_epoch, number, first, last = string.match(before, '^(%S+) (%d+) (%d+) (%d+)$')
  if its_epoch == epoch and tonumber(number) >= tonumber(ARGV[4]) then
    return {{'ok', epoch, first, last}}
  end
end
{_NOW}
local size, parts = 0, {{}}
local first = string.format('%.0f', position + 1)
for at = 7, #ARGV, 2 do
  local update = ARGV[at + 1]
  position = position + 1
  redis.call('XADD', KEYS[2], string.format('%.0f-0', position), 'u', update, 'p', ARGV[at], 't', now)
  size = size + #update
  parts[#parts + 1] = struct.pack('>I4', #update)
  parts[#parts + 1] = update
end
local last = string.format('%.0f', position)
redis.call('HSET', KEYS[1], 'epoch', epoch, 'position', last, 'updated', now)
redis.call('HSETNX', KEYS[1], 'created', now)
redis.call('HINCRBY', KEYS[1], 'size', size)
redis.call('SET', KEYS[3], epoch .. ' ' .. ARGV[4] .. ' ' .. first .. ' ' .. last, 'EX', {REMEMBER_BATCH})
local body = size <= {BELL_BYTES} and table.concat(parts) or ''
redis.call('PUBLISH', ARGV[6], 'B ' .. ARGV[5] .. ' ' .. epoch .. ' ' .. first .. ' ' .. last .. '\\n' .. body)
return {{'ok', epoch, first, last}}
""")

#: KEYS meta; ARGV fresh -> 1 if the document is new
CREATE = _script(f"""
if redis.call('HEXISTS', KEYS[1], 'epoch') == 1 then return 0 end
{_NOW}
redis.call('PERSIST', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'created', now, 'updated', now)
redis.call('HSETNX', KEYS[1], 'position', '0')
redis.call('HSETNX', KEYS[1], 'size', '0')
return 1
""")

#: KEYS meta log snapshot; ARGV after count
#: -> {epoch, position, snapshot position, created, updated, deleted, has snapshot, snapshot, entries}
READ = _script("""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'snapshot', 'created', 'updated', 'deleted')
local out = {}
for at = 1, 6 do out[at] = meta[at] or '' end
out[7], out[8], out[9] = 0, '', {}
if not meta[1] then return out end
local after = ARGV[1]
if tonumber(meta[3] or '0') > tonumber(after) then
  after, out[7], out[8] = meta[3], 1, redis.call('GET', KEYS[3]) or ''
end
out[9] = redis.call('XRANGE', KEYS[2], '(' .. after .. '-0', '+', 'COUNT', ARGV[2])
return out
""")

#: KEYS meta log snapshot history; ARGV epoch snapshot-position position snapshot trimmed-bytes
#: rows-that-go channel node row* -> 1 if done
COMPACT = _script("""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'snapshot')
if meta[1] ~= ARGV[1] or (meta[3] or '0') ~= ARGV[2] then return 0 end
if tonumber(ARGV[3]) > tonumber(meta[2]) then return 0 end
local grown = #ARGV[4] - redis.call('STRLEN', KEYS[3]) - tonumber(ARGV[5])
redis.call('SET', KEYS[3], ARGV[4])
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', tonumber(ARGV[3]) + 1))
redis.call('HSET', KEYS[1], 'snapshot', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'size', grown)
for _ = 1, tonumber(ARGV[6]) do redis.call('RPOP', KEYS[4]) end
for at = 9, #ARGV do redis.call('RPUSH', KEYS[4], ARGV[at]) end
redis.call('PUBLISH', ARGV[7], 'S ' .. ARGV[8] .. ' ' .. ARGV[1] .. ' ' .. ARGV[3] .. '\\n')
return 1
""")

#: KEYS meta; ARGV epoch fresh floor channel node -> 1 if done
RENEW = _script("""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position')
if meta[1] ~= ARGV[1] then return 0 end
if tonumber(meta[2]) < tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], 'position', ARGV[3]) end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
redis.call('PUBLISH', ARGV[4], 'E ' .. ARGV[5] .. ' ' .. ARGV[2] .. '\\n')
return 1
""")

#: KEYS meta log snapshot history versions states; ARGV channel node -> 1 if it was there
DELETE = _script(f"""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'deleted', 'version')
if not meta[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
local deleted, kept = meta[1], 1
for word in string.gmatch(meta[3] or '', '%S+') do
  if kept < {_DELETED} then deleted, kept = deleted .. ' ' .. word, kept + 1 end
end
redis.call('HSET', KEYS[1], 'position', meta[2] or '0', 'deleted', deleted, 'version', meta[4] or '0')
redis.call('EXPIRE', KEYS[1], {REMEMBER_DELETED})
redis.call('PUBLISH', ARGV[1], 'D ' .. ARGV[2] .. ' ' .. meta[1] .. '\\n')
return 1
""")

#: KEYS meta versions states; ARGV fresh-epoch state head -> {id, created}
ADD_VERSION = _script(f"""
{_NOW}
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  redis.call('PERSIST', KEYS[1])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'created', now, 'updated', now)
  redis.call('HSETNX', KEYS[1], 'position', '0')
end
local id = redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[2], id, now .. ' ' .. ARGV[3])
redis.call('HSET', KEYS[3], id, ARGV[2])
return {{id, now}}
""")

#: KEYS versions states; ARGV id -> 1 if it was there
DELETE_VERSION = _script("""
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
""")

#: KEYS nodes; ARGV node lease-seconds -> the nodes whose lease has not ended
HEARTBEAT = _script("""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[1], string.format('%.3f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.3f', now - tonumber(ARGV[2])))
return redis.call('ZRANGE', KEYS[1], 0, -1)
""")

SCRIPTS = (
    APPEND, CREATE, READ, COMPACT, RENEW, DELETE, ADD_VERSION, DELETE_VERSION, HEARTBEAT,
)  # fmt: skip
