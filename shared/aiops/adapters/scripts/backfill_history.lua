-- Puts points before all that are stored, unless something was stored before them meanwhile.
-- KEYS: the chunks of a series, by time and without a gap.
-- ARGV: place (from 1) of the first chunk that was found, 0 where none was; the first 8 bytes of
-- it; lifetime (ms); then per piece: place of its chunk, points.
-- Returns 1, or 0 where what is stored is not what was found.
local call = redis.call
local first, head, lifetime = tonumber(ARGV[1]), ARGV[2], ARGV[3]
if not first or first > #KEYS or (tonumber(lifetime) or 0) <= 0 or #ARGV < 5 or #ARGV % 2 == 0 then
  return redis.error_reply('backfill_history: arguments')
end
for at = 4, #ARGV, 2 do
  local place = tonumber(ARGV[at])
  if not place or not KEYS[place] or #ARGV[at + 1] == 0 or #ARGV[at + 1] % 16 ~= 0 then
    return redis.error_reply('backfill_history: points of no chunk')
  end
end
for place = 1, (first == 0 and #KEYS or first) do
  if call('GETRANGE', KEYS[place], '0', '7') ~= (place == first and head or '') then
    return 0
  end
end
for at = 4, #ARGV, 2 do
  local key = KEYS[tonumber(ARGV[at])]
  call('SET', key, ARGV[at + 1] .. (call('GET', key) or ''), 'PX', lifetime)
end
return 1
