-- Writes series whose record is still the one that was read, with the outputs that caused it.
-- KEYS: out, due, then one record per series.
-- ARGV: now, lifetime (ms), then per series: expected nonce, nonce, start, span, n, n * (field, content).
-- Returns the places (from 0) of the series that were refused. Everything is checked before the
-- first write, because Redis does not undo one.
local now, lifetime = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now or not lifetime or lifetime <= 0 then
  return redis.error_reply('commit_series: now and lifetime must be numbers')
end
local at, plan, refused = 3, {}, {}
for place = 3, #KEYS do
  local start, outputs = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
  if not start or not outputs or #ARGV[at + 1] ~= 8 or at + 4 + 2 * outputs > #ARGV then
    return redis.error_reply('commit_series: arguments of series ' .. (place - 3))
  end
  if redis.call('GETRANGE', KEYS[place], 0, 7) == ARGV[at] then
    plan[#plan + 1] = { place, at, start, outputs }
  else
    refused[#refused + 1] = place - 3
  end
  at = at + 5 + 2 * outputs
end
if at ~= #ARGV + 1 then
  return redis.error_reply('commit_series: arguments left over')
end
for _, step in ipairs(plan) do
  local key, from, start, outputs = KEYS[step[1]], step[2], step[3], step[4]
  if start == 0 then
    redis.call('SET', key, ARGV[from + 3], 'PX', lifetime)
  else
    redis.call('SETRANGE', key, 0, ARGV[from + 1])
    redis.call('SETRANGE', key, start, ARGV[from + 3])
    redis.call('PEXPIRE', key, lifetime)
  end
  for i = 0, outputs - 1 do
    local field = ARGV[from + 5 + 2 * i]
    redis.call('HSET', KEYS[1], field, ARGV[from + 6 + 2 * i])
    redis.call('ZADD', KEYS[2], now, field)
  end
end
return refused
