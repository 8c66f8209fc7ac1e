-- Raises a hash field to a number; never lowers it. KEYS: hash. ARGV: field, number.
local new = tonumber(ARGV[2])
if not new then
  return redis.error_reply('max_field: not a number')
end
local old = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '-1')
if new > old then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
