-- Keeps ends of calls, and returns the calls of which both ends are known and that are the record's.
-- KEYS: a hash per trace. ARGV: record, lifetime (ms), most ends of a trace, then per end: place of
-- its trace from 1, side (c or s), id of the call, what is told.
-- Returns what the client and what the server told, in turns. Everything is checked before the
-- first write, because Redis does not undo one.
local call = redis.call
local record, lifetime, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
if (tonumber(lifetime) or 0) <= 0 or not most or (#ARGV - 3) % 4 ~= 0 then
  return redis.error_reply('pair_spans: lifetime, number of ends, or an end')
end
for at = 4, #ARGV, 4 do
  local side = ARGV[at + 1]
  if not KEYS[tonumber(ARGV[at]) or 0] or (side ~= 'c' and side ~= 's') then
    return redis.error_reply('pair_spans: an end of no trace, or on no side')
  end
end
local calls, known = {}, {}
for at = 4, #ARGV, 4 do
  local key, name = KEYS[tonumber(ARGV[at])], ARGV[at + 2]
  local field = ARGV[at + 1] .. ':' .. name
  if (tonumber(call('HGET', key, 'ends') or 0)) < most
    and call('HSETNX', key, field, ARGV[at + 3]) == 1 then
    call('HINCRBY', key, 'ends', 1)
  end
  if not known[key .. name] then
    known[key .. name] = true
    calls[#calls + 1] = {key, name}
  end
end
for at = 1, #KEYS do
  call('PEXPIRE', KEYS[at], lifetime)
end
local found = {}
for at = 1, #calls do
  local key, name = calls[at][1], calls[at][2]
  local ends = call('HMGET', key, 'c:' .. name, 's:' .. name)
  if ends[1] and ends[2] then
    call('HSETNX', key, 'o:' .. name, record)
    if call('HGET', key, 'o:' .. name) == record then
      found[#found + 1] = ends[1]
      found[#found + 1] = ends[2]
    end
  end
end
return found
