-- Forgets services whose time is still the one that was read.
-- KEYS: sorted set. ARGV: per service its name and the time. Returns how many were forgotten.
if #ARGV % 2 ~= 0 then
  return redis.error_reply('settle_windows: a name without a time')
end
local forgotten = 0
for at = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[at])
  if score and tonumber(score) == tonumber(ARGV[at + 1]) then
    forgotten = forgotten + redis.call('ZREM', KEYS[1], ARGV[at])
  end
end
return forgotten
