-- Writes series whose record is still the one that was read, with the outputs that caused it.
-- KEYS: out, due, then one record per series.
-- ARGV: now, lifetime (ms), modes (a letter per series: whole, patch, renew), number of outputs,
-- then per series: expected nonce, span; then per output: place of its series from 0, field, content.
-- Returns the places (from 0) of the series that were refused. Everything is checked before the
-- first write, because Redis does not undo one.
local call = redis.call
local now, lifetime, modes = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local series, outputs = #KEYS - 2, tonumber(ARGV[4])
if not now or not lifetime or lifetime <= 0 or not outputs then
  return redis.error_reply('commit_series: now, lifetime and outputs must be numbers')
end
if #modes ~= series or #ARGV ~= 4 + 2 * series + 3 * outputs then
  return redis.error_reply('commit_series: ' .. #ARGV .. ' arguments for ' .. series .. ' series')
end
local current = {}
for i = 1, series do
  local mode = modes:sub(i, i)
  if #ARGV[2 * i + 4] < 8 or not (mode == 'w' or mode == 'p' or mode == 'r') then
    return redis.error_reply('commit_series: arguments of series ' .. (i - 1))
  end
  current[i] = call('GETRANGE', KEYS[i + 2], 0, 7) == ARGV[2 * i + 3]
end
local last = 4 + 2 * series
for at = last + 1, #ARGV, 3 do
  if current[tonumber(ARGV[at]) + 1] == nil then
    return redis.error_reply('commit_series: output of no series')
  end
end
local refused = {}
for i = 1, series do
  local key, span = KEYS[i + 2], ARGV[2 * i + 4]
  if not current[i] then
    refused[#refused + 1] = i - 1
  elseif modes:sub(i, i) == 'w' then
    call('SET', key, span, 'PX', lifetime)
  else
    call('SETRANGE', key, 0, span)
    if modes:sub(i, i) == 'r' then
      call('PEXPIRE', key, lifetime)
    end
  end
end
for at = last + 1, #ARGV, 3 do
  if current[tonumber(ARGV[at]) + 1] then
    call('HSET', KEYS[1], ARGV[at + 1], ARGV[at + 2])
    call('ZADD', KEYS[2], now, ARGV[at + 1])
  end
end
return refused
