-- Writes series whose record is still the one that was read, with the outputs that caused it and
-- the points of history that are kept.
-- KEYS: out, due, then one record per series, then one chunk per piece of history.
-- ARGV: now, lifetime (ms), modes (a letter per series: whole, patch, renew), number of outputs,
-- then per series: expected nonce, span; then per output: place of its series from 0, field, content;
-- then, where there is history: lifetime of a chunk (ms), and per piece: place of its series, points.
-- Returns the places (from 0) of the series that were refused. Everything is checked before the
-- first write, because Redis does not undo one. Numbers in calls are texts: Lua would have each
-- printed as a floating point number, which costs more than the call.
local call, byte = redis.call, string.byte
local WHOLE, PATCH, RENEW = byte('wpr', 1, 3)
local now, lifetime, modes = ARGV[1], ARGV[2], ARGV[3]
local series, outputs = #modes, tonumber(ARGV[4])
if not tonumber(now) or not tonumber(lifetime) or tonumber(lifetime) <= 0 or not outputs then
  return redis.error_reply('commit_series: now, lifetime and outputs must be numbers')
end
local pieces = #KEYS - 2 - series
local after = 4 + 2 * series + 3 * outputs
if pieces < 0 or #ARGV ~= after + (pieces > 0 and 1 + 2 * pieces or 0) then
  return redis.error_reply('commit_series: ' .. #ARGV .. ' arguments for ' .. series .. ' series')
end
local chunk_lifetime = ARGV[after + 1]
if pieces > 0 and (tonumber(chunk_lifetime) or 0) <= 0 then
  return redis.error_reply('commit_series: lifetime of a chunk must be a number')
end
local current, refused = {}, {}
for i = 1, series do
  local mode = byte(modes, i)
  if #ARGV[2 * i + 4] < 8 or (mode ~= WHOLE and mode ~= PATCH and mode ~= RENEW) then
    return redis.error_reply('commit_series: arguments of series ' .. (i - 1))
  end
  current[i] = call('GETRANGE', KEYS[i + 2], '0', '7') == ARGV[2 * i + 3]
  if not current[i] then
    refused[#refused + 1] = i - 1
  end
end
for at = 5 + 2 * series, after, 3 do
  if current[tonumber(ARGV[at]) + 1] == nil then
    return redis.error_reply('commit_series: output of no series')
  end
end
for piece = 1, pieces do
  local points = ARGV[after + 2 * piece + 1]
  if current[tonumber(ARGV[after + 2 * piece]) + 1] == nil or #points == 0 or #points % 16 ~= 0 then
    return redis.error_reply('commit_series: history of no series, or in no points')
  end
end
for i = 1, series do
  if current[i] then
    local key, span, mode = KEYS[i + 2], ARGV[2 * i + 4], byte(modes, i)
    if mode == WHOLE then
      call('SET', key, span, 'PX', lifetime)
    else
      call('SETRANGE', key, '0', span)
      if mode == RENEW then
        call('PEXPIRE', key, lifetime)
      end
    end
  end
end
for at = 5 + 2 * series, after, 3 do
  if current[tonumber(ARGV[at]) + 1] then
    call('HSET', KEYS[1], ARGV[at + 1], ARGV[at + 2])
    call('ZADD', KEYS[2], now, ARGV[at + 1])
  end
end
for piece = 1, pieces do
  if current[tonumber(ARGV[after + 2 * piece]) + 1] then
    local key, points = KEYS[2 + series + piece], ARGV[after + 2 * piece + 1]
    if call('APPEND', key, points) == #points then
      call('PEXPIRE', key, chunk_lifetime)
    end
  end
end
return refused
