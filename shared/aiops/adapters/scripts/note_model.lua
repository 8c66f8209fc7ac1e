-- Remembers how the fit of a series ended, unless a later end is known; forgets what is too old.
-- KEYS: status (hash), noted (sorted set). ARGV: series, time, status, oldest time kept.
-- Returns 1, or 0 where a later one is known.
local call = redis.call
local time, oldest = tonumber(ARGV[2]), tonumber(ARGV[4])
if #ARGV ~= 4 or not time or not oldest then
  return redis.error_reply('note_model: arguments')
end
local known = call('ZSCORE', KEYS[2], ARGV[1])
local later = known and tonumber(known) > time
if not later then
  call('HSET', KEYS[1], ARGV[1], ARGV[3])
  call('ZADD', KEYS[2], ARGV[2], ARGV[1])
end
local gone = call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[4], 'LIMIT', '0', '1000')
if #gone > 0 then
  call('HDEL', KEYS[1], unpack(gone))
  call('ZREM', KEYS[2], unpack(gone))
end
return later and 0 or 1
