-- Moves times of queries forward and forgets old ones. KEYS: hash. ARGV: lifetime in ms, oldest
-- time that is kept, then query and time of each.
for place = 1, #ARGV do
  if place < 3 or place % 2 == 0 then
    if not tonumber(ARGV[place]) then
      return redis.error_reply('advance_published: not a number')
    end
  end
end
if #ARGV % 2 ~= 0 then
  return redis.error_reply('advance_published: a query without a time')
end
for place = 3, #ARGV, 2 do
  local old = tonumber(redis.call('HGET', KEYS[1], ARGV[place]) or '-1')
  if tonumber(ARGV[place + 1]) > old then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
  end
end
local known = redis.call('HGETALL', KEYS[1])
for place = 1, #known, 2 do
  if tonumber(known[place + 1]) < tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[1], known[place])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
