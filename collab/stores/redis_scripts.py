"""What Redis does in one step: one script per kind of write, and the read that must be of one moment.

Everything of a document lies under one hash tag. ``meta`` is a hash: ``epoch`` (which incarnation of
the log this is), ``position`` (of the last entry), ``snapshot`` (the position that the snapshot stands
for), ``size``, ``created``, ``updated``, ``version`` (the last version id), ``deleted`` (epochs of
documents with this name that are gone). The log is a stream with the ids ``<position>-0``. A document in the trash
has the same keys below ``trash:<id>:``, and its ``meta`` says ``deleted_at``. Of ``versions`` each head ends with the
digest under which ``states`` has its state; those of older releases have theirs under the version's id.
``streams`` and ``events``: see :mod:`collab.stores.redis_streams`; ``meta`` counts events of all streams in ``events``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from collab.stores.streams import MAX_STREAMS, REMEMBER_KEYS

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


def script(source: str) -> Script:
    """A script, with its hash."""
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


#: what gives a script the time, as `now`
NOW = """
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
"""


def tell(outbox: str, telling: str) -> str:
    """What puts an event into the outbox of a document; behind ``_NOW``. ``telling`` is empty where nobody listens."""
    return f"""
local telling, tellings = {telling}, 0
local function tell(type, data)
  if telling == '' then return end
  tellings = tellings + 1
  local id = string.match(telling, '^%x+') .. string.format('%x', tellings)
  redis.call('RPUSH', {outbox}, cjson.encode({{id, type, now, data}}))
end
"""


def promote(changing: str) -> str:
    """What makes an event of the edits of a document."""
    return f"""
local function promote()
  local all, data, authors = redis.call('HGETALL', {changing}), {{}}, {{}}
  if #all == 0 then return end
  for at = 1, #all, 2 do
    local author = string.match(all[at], '^p:(.*)$')
    if author then authors[#authors + 1] = {{author, all[at + 1]}} else data[all[at]] = all[at + 1] end
  end
  data.authors = authors
  redis.call('DEL', {changing})
  tell('document.changed', data)
end
"""


#: KEYS meta log batch outbox changing; ARGV epoch fresh floor batch-number node channel telling notes
#: (participant update)* -> {'ok', epoch, first, last, untold-since} or {'deleted' | 'lost' | 'changed' | 'behind'};
#: ``telling`` is '' or names the events, and ends with + where edits are told; ``notes`` is '' or JSON of events
APPEND = script(f"""
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
local new = not epoch
if new then
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
    return {{'ok', epoch, first, last, ''}}
  end
end
{NOW}
local size, parts = 0, {{}}
local first = string.format('%.0f', position + 1)
for at = 9, #ARGV, 2 do
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
if ARGV[7] == '' then return {{'ok', epoch, first, last, ''}} end
{tell("KEYS[4]", "ARGV[7]")}
if new then tell('document.created', {{undeleted = false}}) end
if ARGV[8] ~= '' then
  for _, note in ipairs(cjson.decode(ARGV[8])) do tell(note[1], note[2]) end
end
if string.sub(ARGV[7], -1) ~= '+' then return {{'ok', epoch, first, last, ''}} end
redis.call('HSETNX', KEYS[5], 'first', now)
redis.call('HSET', KEYS[5], 'last', now, 'position', last)
redis.call('HINCRBY', KEYS[5], 'updates', (#ARGV - 8) / 2)
redis.call('HINCRBY', KEYS[5], 'bytes', size)
for at = 9, #ARGV, 2 do
  if ARGV[at] ~= '' then redis.call('HINCRBY', KEYS[5], 'p:' .. string.sub(ARGV[at], 2), 1) end
end
return {{'ok', epoch, first, last, redis.call('HGET', KEYS[5], 'first')}}
""")

#: KEYS meta outbox; ARGV fresh telling -> 1 if the document is new
CREATE = script(f"""
if redis.call('HEXISTS', KEYS[1], 'epoch') == 1 then return 0 end
{NOW}
redis.call('PERSIST', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'created', now, 'updated', now)
redis.call('HSETNX', KEYS[1], 'position', '0')
redis.call('HSETNX', KEYS[1], 'size', '0')
{tell("KEYS[2]", "ARGV[2]")}
tell('document.created', {{undeleted = false}})
return 1
""")

#: KEYS meta log snapshot; ARGV after count
#: -> {epoch, position, snapshot position, created, updated, deleted, has snapshot, snapshot, entries}
READ = script("""
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
COMPACT = script("""
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
RENEW = script("""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position')
if meta[1] ~= ARGV[1] then return 0 end
if tonumber(meta[2]) < tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], 'position', ARGV[3]) end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
redis.call('PUBLISH', ARGV[4], 'E ' .. ARGV[5] .. ' ' .. ARGV[2] .. '\\n')
return 1
""")

#: how the end of a life is remembered and told; before it, `meta` is what the hash said, and the hash is gone
_END_OF_LIFE = f"""
local deleted, kept = meta[1], 1
for word in string.gmatch(meta[3] or '', '%S+') do
  if kept < {_DELETED} then deleted, kept = deleted .. ' ' .. word, kept + 1 end
end
redis.call('HSET', KEYS[1], 'position', meta[2] or '0', 'deleted', deleted, 'version', meta[4] or '0')
redis.call('EXPIRE', KEYS[1], {REMEMBER_DELETED})
redis.call('PUBLISH', ARGV[1], 'D ' .. ARGV[2] .. ' ' .. meta[1] .. '\\n')
if telling ~= '' then promote() end
tell('document.deleted', {{forever = forever}})
"""

#: KEYS meta log snapshot history versions states streams events inbox outbox changing; ARGV channel node telling
#: -> {life, participant*} of inboxes that have entries of it, or nothing if it was not there
DELETE = script(f"""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'deleted', 'version', 'life')
if not meta[1] then return false end
local told = redis.call('HKEYS', KEYS[9])
table.insert(told, 1, meta[5] or '')
for at = 1, #KEYS - 2 do redis.call('DEL', KEYS[at]) end
{NOW}
{tell("KEYS[#KEYS - 1]", "ARGV[3]")}
{promote("KEYS[#KEYS]")}
local forever = true
{_END_OF_LIFE}
return told
""")

#: KEYS those of DELETE but for the last two, the same in the trash, outbox changing; ARGV as DELETE
TRASH = script(f"""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'deleted', 'version')
if not meta[1] then return 0 end
{NOW}
local half = #KEYS / 2 - 1
for at = 1, half do
  if redis.call('EXISTS', KEYS[at]) == 1 then redis.call('RENAME', KEYS[at], KEYS[at + half]) end
end
redis.call('HSET', KEYS[half + 1], 'deleted_at', now)
{tell("KEYS[#KEYS - 1]", "ARGV[3]")}
{promote("KEYS[#KEYS]")}
local forever = false
{_END_OF_LIFE}
return 1
""")

#: KEYS as TRASH; ARGV since fresh-epoch channel node telling
#: -> 1 if done, 0 if it is not there, -1 if the name is taken
UNDELETE = script(f"""
local half = #KEYS / 2 - 1
local trashed = redis.call('HMGET', KEYS[half + 1], 'deleted_at', 'position', 'version')
if not trashed[1] or tonumber(trashed[1]) < tonumber(ARGV[1]) then return 0 end
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'deleted', 'version')
if meta[1] then return -1 end
redis.call('DEL', KEYS[1])
for at = 1, half do
  if redis.call('EXISTS', KEYS[at + half]) == 1 then redis.call('RENAME', KEYS[at + half], KEYS[at]) end
end
local function later(one, other)
  return string.format('%.0f', math.max(tonumber(one or '0'), tonumber(other or '0')))
end
redis.call('HDEL', KEYS[1], 'deleted_at')
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'position', later(meta[2], trashed[2]), 'deleted', meta[3] or '',
  'version', later(meta[4], trashed[3]))
redis.call('PUBLISH', ARGV[3], 'E ' .. ARGV[4] .. ' ' .. ARGV[2] .. '\\n')
{NOW}
{tell("KEYS[#KEYS - 1]", "ARGV[5]")}
tell('document.created', {{undeleted = true}})
return 1
""")

#: KEYS meta versions states outbox; ARGV fresh-epoch state head expected-epoch digest telling
#: -> {id, created} or {'deleted' | 'changed'}
ADD_VERSION = script(f"""
{NOW}
{tell("KEYS[4]", "ARGV[6]")}
local meta, expected = redis.call('HMGET', KEYS[1], 'epoch', 'deleted'), ARGV[4]
if expected ~= '' and meta[1] ~= expected then
  if meta[2] and string.find(meta[2], expected, 1, true) then return {{'deleted'}} end
  return {{'changed'}}
end
if not meta[1] then
  redis.call('PERSIST', KEYS[1])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'created', now, 'updated', now)
  redis.call('HSETNX', KEYS[1], 'position', '0')
  tell('document.created', {{undeleted = false}})
end
local id = redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[2], id, now .. ' ' .. ARGV[3])
redis.call('HSETNX', KEYS[3], ARGV[5], ARGV[2])
local head = cjson.decode(ARGV[3])
tell('version.created', {{version = id, name = head[1], author = head[2], position = head[3], bytes = head[4]}})
return {{id, now}}
""")

#: KEYS versions states; ARGV id -> 1 if it was there
DELETE_VERSION = script("""
local head = redis.call('HGET', KEYS[1], ARGV[1])
if not head then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
local digest = string.match(head, '"(%x+)"%]$')
if not digest then
  redis.call('HDEL', KEYS[2], ARGV[1])
  return 1
end
for _, other in ipairs(redis.call('HVALS', KEYS[1])) do
  if string.match(other, '"(%x+)"%]$') == digest then return 1 end
end
redis.call('HDEL', KEYS[2], digest)
return 1
""")

#: events beyond a bound that one publication forgets: where a setting became smaller, it takes several
_FORGOTTEN_AT_ONCE = 200

#: entries of an inbox beyond its bound that are let lie until they are worth the look
BEYOND = 50

#: KEYS meta streams events stream-key outbox, and for inboxes: inbox (of the document), inbox (of all),
#: inbox:<participant>*; ARGV epoch fresh-epoch stream body keep keep-seconds node channel telling, and for inboxes:
#: channel keep seconds (whose entry bell)*
#: -> {'ok', offset, seconds, fresh} or {'deleted' | 'lost' | 'many'}
#: Where inboxes may be on other nodes: KEYS inbox (of the document), mail; ARGV '' whose*; the answer says, as long as
#: not everybody is known to have it, in which life of the document that was.
PUBLISH = script(f"""
local meta, expected, name = redis.call('HMGET', KEYS[1], 'epoch', 'deleted'), ARGV[1], ARGV[3]
if expected ~= '' and meta[1] ~= expected then
  if meta[2] and string.find(meta[2], expected, 1, true) then return {{'deleted'}} end
  if not meta[1] then return {{'lost'}} end
end
{NOW}
{tell("KEYS[5]", "ARGV[9]")}
if not meta[1] then
  redis.call('PERSIST', KEYS[1])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'created', now, 'updated', now)
  redis.call('HSETNX', KEYS[1], 'position', '0')
  tell('document.created', {{undeleted = false}})
end
local first, last, born = string.match(redis.call('HGET', KEYS[2], name) or '', '^(%d+) (%d+) (%x+)$')
if not first then
  if redis.call('HLEN', KEYS[2]) >= {MAX_STREAMS} then return {{'many'}} end
  first, last, born = 1, 0, ARGV[2]
end
first, last = tonumber(first), tonumber(last)
local its, offset, at = string.match(redis.call('GET', KEYS[4]) or '', '^(%x+) (%d+) (%S+)$')
if its == born then return {{'ok', offset, at, 0, ARGV[10] == '' and redis.call('GET', KEYS[7])}} end
last = last + 1
offset = string.format('%.0f', last)
redis.call('HSET', KEYS[3], name .. ':' .. offset, now .. ' ' .. ARGV[4])
local keep, oldest = tonumber(ARGV[5]), tonumber(now) - tonumber(ARGV[6])
for _ = 1, {_FORGOTTEN_AT_ONCE} do
  local field = name .. ':' .. string.format('%.0f', first)
  if first > last - keep then
    local value = first < last and redis.call('HGET', KEYS[3], field)
    if not value or tonumber(string.match(value, '^%S+')) >= oldest then break end
  end
  redis.call('HDEL', KEYS[3], field)
  first = first + 1
end
redis.call('HSET', KEYS[2], name, string.format('%.0f %.0f ', first, last) .. born)
redis.call('HINCRBY', KEYS[1], 'events', 1)
redis.call('SET', KEYS[4], born .. ' ' .. offset .. ' ' .. now, 'EX', {REMEMBER_KEYS:.0f})
local body = #ARGV[4] <= {BELL_BYTES} and ARGV[4] or ''
redis.call('PUBLISH', ARGV[8], 'T ' .. ARGV[7] .. ' ' .. name .. ' ' .. offset .. ' ' .. now .. '\\n' .. body)
tell('stream.published', {{stream = name, offset = offset, body = ARGV[4]}})
if #KEYS > 7 or ARGV[10] == '' then redis.call('HSETNX', KEYS[1], 'life', ARGV[2]) end
local life = redis.call('HGET', KEYS[1], 'life')
if ARGV[10] == '' then
  for at = 11, #ARGV do redis.call('HSET', KEYS[6], ARGV[at], 1) end
  redis.call('SET', KEYS[7], life, 'EX', {REMEMBER_KEYS:.0f})
  return {{'ok', offset, now, 1, life}}
end
for at = 8, #KEYS do
  local word = 13 + 3 * (at - 8)
  local id = redis.call('HINCRBY', KEYS[7], 'last', 1)
  local kind, rest = string.match(ARGV[word + 1], '^(%S+) (.*)$')
  redis.call('HSET', KEYS[at], id, '0 ' .. life .. ' ' .. offset .. ' ' .. now .. ' ' .. kind .. ' ' .. rest)
  redis.call('EXPIRE', KEYS[at], ARGV[12])
  redis.call('HSET', KEYS[6], ARGV[word], 1)
  local beyond = redis.call('HLEN', KEYS[at]) - tonumber(ARGV[11])
  if beyond > {BEYOND} then
    local ids = redis.call('HKEYS', KEYS[at])
    table.sort(ids, function(one, other) return tonumber(one) < tonumber(other) end)
    for old = 1, beyond do redis.call('HDEL', KEYS[at], ids[old]) end
  end
  redis.call('PUBLISH', ARGV[10], ARGV[word + 2] .. ',"id":' .. id .. '}}')
end
return {{'ok', offset, now, 1}}
""")

#: KEYS streams events; ARGV stream after limit most-bytes keep keep-seconds
#: -> {first, last, offset of the first event, events}
READ_STREAM = script(f"""
local name = ARGV[1]
local first, last = string.match(redis.call('HGET', KEYS[1], name) or '', '^(%d+) (%d+) ')
if not first then return {{'1', '0', '1', {{}}}} end
first, last = tonumber(first), tonumber(last)
first = math.max(first, last - tonumber(ARGV[5]) + 1)
{NOW}
local oldest = tonumber(now) - tonumber(ARGV[6])
local function event(offset) return redis.call('HGET', KEYS[2], name .. ':' .. string.format('%.0f', offset)) end
local function aged(offset)
  local value = event(offset)
  return not value or tonumber(string.match(value, '^%S+')) < oldest
end
if first <= last and aged(first) then
  local low, high = first, last + 1
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if aged(middle) then low = middle else high = middle end
  end
  first = high
end
local limit, most, size, events = tonumber(ARGV[3]), tonumber(ARGV[4]), 0, {{}}
local start = math.max(first, ARGV[2] == '' and last - limit + 1 or tonumber(ARGV[2]) + 1)
for offset = start, math.min(last, start + limit - 1) do
  local value = event(offset)
  if not value then break end
  size = size + #value
  if size > most and #events > 0 then break end
  events[#events + 1] = value
end
return {{string.format('%.0f', first), string.format('%.0f', last), string.format('%.0f', start), events}}
""")

#: KEYS nodes; ARGV node lease-seconds -> the nodes whose lease has not ended. It takes next to nothing and goes by
#: itself, so a Redis that is full takes it all the same: its nodes are in touch, and what is wrong is something else.
HEARTBEAT = script("""#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[1], string.format('%.3f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.3f', now - tonumber(ARGV[2])))
return redis.call('ZRANGE', KEYS[1], 0, -1)
""")

SCRIPTS = (
    APPEND, CREATE, READ, COMPACT, RENEW, DELETE, TRASH, UNDELETE, ADD_VERSION, DELETE_VERSION, PUBLISH,
    READ_STREAM, HEARTBEAT,
)  # fmt: skip
