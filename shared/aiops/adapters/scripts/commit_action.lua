-- Stores the record of an incident if its revision is still the one that was read.
-- KEYS: record (hash), due (sorted set).
-- ARGV: expected revision, record (JSON), lifetime (ms), incident, due time or '', then the version
-- and JSON of a new snapshot or '' and '', then the versions of all snapshots still needed.
-- Returns 1 if stored, 0 if the revision differs. Everything is checked before the first write.
local revision, lifetime = tonumber(ARGV[1]), tonumber(ARGV[3])
if not revision or not lifetime or lifetime <= 0 or #ARGV < 7 then
  return redis.error_reply('commit_action: revision and lifetime must be numbers')
end
if ARGV[5] ~= '' and not tonumber(ARGV[5]) then
  return redis.error_reply('commit_action: due time must be a number')
end
if tonumber(redis.call('HGET', KEYS[1], 'revision') or '0') ~= revision then
  return 0
end
local needed = { revision = true, record = true }
for place = 8, #ARGV do
  needed['v' .. ARGV[place]] = true
end
local stale = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if not needed[field] then
    stale[#stale + 1] = field
  end
end
redis.call('HSET', KEYS[1], 'revision', revision + 1, 'record', ARGV[2])
if ARGV[6] ~= '' and needed['v' .. ARGV[6]] then
  redis.call('HSET', KEYS[1], 'v' .. ARGV[6], ARGV[7])
end
for _, field in ipairs(stale) do
  redis.call('HDEL', KEYS[1], field)
end
redis.call('PEXPIRE', KEYS[1], lifetime)
if ARGV[5] == '' then
  redis.call('ZREM', KEYS[2], ARGV[4])
else
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
end
return 1
