"""What Redis does in one step with one inbox, which may be on another node than the documents that it tells of."""

from __future__ import annotations

from collab.stores.redis_scripts import BEYOND, script

#: KEYS inbox:<participant>; ARGV id life-and-offset rest-of-the-entry keep seconds
#: -> its id; 0: there is a later one, so it needs another
DELIVER = script(f"""
local ids, size = redis.call('HGETALL', KEYS[1]), 0
local last = 0
for at = 1, #ids, 2 do
  if string.sub(ids[at + 1], 3, 2 + #ARGV[2]) == ARGV[2] then return ids[at] end
  last, size = math.max(last, tonumber(ids[at])), size + 1
end
if last >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '0 ' .. ARGV[2] .. ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
local beyond = size + 1 - tonumber(ARGV[4])
if beyond > {BEYOND} then
  local old = redis.call('HKEYS', KEYS[1])
  table.sort(old, function(one, other) return tonumber(one) < tonumber(other) end)
  for at = 1, beyond do redis.call('HDEL', KEYS[1], old[at]) end
end
return ARGV[1]
""")

#: KEYS inbox:<participant>; ARGV id* -> how many were not read before
MARK_READ = script("""
local marked = 0
for _, id in ipairs(ARGV) do
  local value = redis.call('HGET', KEYS[1], id)
  if value and string.sub(value, 1, 1) == '0' then
    redis.call('HSET', KEYS[1], id, '1' .. string.sub(value, 2))
    marked = marked + 1
  end
end
return marked
""")

INBOX_SCRIPTS = (DELIVER, MARK_READ)
