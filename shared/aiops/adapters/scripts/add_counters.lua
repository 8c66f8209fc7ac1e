-- Adds a batch to the totals, once: the number of the last batch of each writer is remembered.
-- KEYS: totals, number of the writer's last batch. ARGV: number, lifetime of KEYS[2] in
-- milliseconds, most fields, field of what found no room, then field and amount by turns.
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[1]) then
  return 0
end
local room = tonumber(ARGV[3]) - redis.call('HLEN', KEYS[1])
for place = 5, #ARGV, 2 do
  local name = ARGV[place]
  if redis.call('HEXISTS', KEYS[1], name) == 0 then
    if room > 0 then
      room = room - 1
    else
      name = ARGV[4]
    end
  end
  redis.call('HINCRBY', KEYS[1], name, ARGV[place + 1])
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
