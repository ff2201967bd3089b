"""What Redis does in one step with the outbox: collecting the events of a document, and what becomes of deliveries.

Of each document ``outbox`` is a list of JSON ``[id, type, at, data]``, and ``changing`` a hash that sums up edits. Of
each endpoint, under a hash tag of its own: ``waiting`` and ``failed`` are sorted sets of ids, by when the event
happened and when it failed; ``bodies`` and ``fates`` hashes by id; ``lanes`` a sorted set of documents by when their
first delivery is due, ``heads`` a hash of how that has failed; ``queue:<document>`` a list of ids.
"""

from __future__ import annotations

from collab.stores.outbox import MOST_FAILED
from collab.stores.redis_scripts import NOW, promote, script, tell

#: KEYS outbox changing; ARGV quiet longest telling limit -> {when edits are told or '', events that are left, events}
COLLECT = script(f"""
{NOW}
{tell("KEYS[1]", "ARGV[3]")}
{promote("KEYS[2]")}
local times, due = redis.call('HMGET', KEYS[2], 'first', 'last'), ''
if times[1] and times[2] then
  local at = math.min(tonumber(times[2]) + tonumber(ARGV[1]), tonumber(times[1]) + tonumber(ARGV[2]))
  if at <= tonumber(now) then promote() else due = string.format('%.3f', at) end
end
return {{due, redis.call('LLEN', KEYS[1]), redis.call('LRANGE', KEYS[1], 0, ARGV[4] - 1)}}
""")

#: KEYS outbox; ARGV telling (type data)* -> 1
PUT = script(f"""
{NOW}
{tell("KEYS[1]", "ARGV[1]")}
for at = 2, #ARGV, 2 do tell(ARGV[at], cjson.decode(ARGV[at + 1])) end
return 1
""")

#: KEYS index; ARGV document score-that-was-seen score -> 1 if nobody has touched it since; no score: it goes
RESCHEDULE = script("""
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
return 1
""")

#: KEYS waiting bodies lanes queue; ARGV most document now (id at body)* -> how many were dropped
ENQUEUE = script("""
local dropped = 0
for at = 4, #ARGV, 3 do
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
    dropped = dropped + 1
  elseif redis.call('HSETNX', KEYS[2], ARGV[at], ARGV[at + 2]) == 1 then
    redis.call('ZADD', KEYS[1], ARGV[at + 1], ARGV[at])
    redis.call('RPUSH', KEYS[4], ARGV[at])
  end
end
if redis.call('LLEN', KEYS[4]) > 0 then redis.call('ZADD', KEYS[3], 'NX', ARGV[3], ARGV[2]) end
return dropped
""")

#: KEYS waiting bodies lanes heads queue failed fates; ARGV result document id now due head reason -> 1
SETTLE = script(f"""
if ARGV[1] == 'retry' then
  redis.call('ZADD', KEYS[3], 'XX', ARGV[5], ARGV[2])
  redis.call('HSET', KEYS[4], ARGV[2], ARGV[6])
  return 1
end
if ARGV[3] ~= '' then
  redis.call('LREM', KEYS[5], 1, ARGV[3])
  redis.call('ZREM', KEYS[1], ARGV[3])
  if ARGV[1] == 'ok' then
    redis.call('HDEL', KEYS[2], ARGV[3])
  else
    redis.call('ZADD', KEYS[6], ARGV[4], ARGV[3])
    redis.call('HSET', KEYS[7], ARGV[3], ARGV[7])
    for _, old in ipairs(redis.call('ZRANGE', KEYS[6], 0, {-MOST_FAILED - 1})) do
      redis.call('ZREM', KEYS[6], old)
      redis.call('HDEL', KEYS[2], old)
      redis.call('HDEL', KEYS[7], old)
    end
  end
end
redis.call('HDEL', KEYS[4], ARGV[2])
if redis.call('LLEN', KEYS[5]) > 0 then
  redis.call('ZADD', KEYS[3], 'XX', ARGV[4], ARGV[2])
else
  redis.call('ZREM', KEYS[3], ARGV[2])
end
return 1
""")

#: KEYS waiting lanes failed fates queue; ARGV document id now at -> 1 if it had failed
REVIVE = script("""
if redis.call('ZREM', KEYS[3], ARGV[2]) == 0 then return 0 end
redis.call('HDEL', KEYS[4], ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[2])
redis.call('LPUSH', KEYS[5], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return 1
""")

#: KEYS lanes; ARGV now -> 1
HURRY = script("""
for _, document in ipairs(redis.call('ZRANGE', KEYS[1], '(' .. ARGV[1], '+inf', 'BYSCORE')) do
  redis.call('ZADD', KEYS[1], ARGV[1], document)
end
return 1
""")

#: KEYS lease; ARGV node milliseconds -> 1 if it is ours; 0 milliseconds: it is not any more
LEASE = script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
""")

OUTBOX_SCRIPTS = (COLLECT, PUT, RESCHEDULE, ENQUEUE, SETTLE, REVIVE, HURRY, LEASE)
