-- Note snapshots as published: told for good, dirty no more unless they have changed since.
-- KEYS: dirty, due, told, one slot.
-- ARGV: lifetime in ms, then id, version and generation of each snapshot.
local dirty, due, told = unpack(KEYS)
assert(#KEYS == 3 and #ARGV % 3 == 1, 'publish_incidents: wrong number of keys or arguments')
for i = 2, #ARGV, 3 do
  assert(tonumber(ARGV[i + 2]), 'publish_incidents: a generation is no number')
end
for i = 2, #ARGV, 3 do
  local id, version, generation = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HGET', dirty, id) == version then
    redis.call('HDEL', dirty, id)
    redis.call('ZREM', due, id)
  end
  if tonumber(generation) > tonumber(redis.call('HGET', told, id) or '0') then
    redis.call('HSET', told, id, generation)
  end
end
redis.call('PEXPIRE', told, ARGV[1])
return 1
