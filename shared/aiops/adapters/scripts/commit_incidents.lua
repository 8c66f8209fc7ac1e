-- Change a domain if its revision is still the one everything was decided on.
-- KEYS: as named in keys.py, one slot.
-- ARGV: revision, now, watermark, processed_until, lifetime in ms, four times before which
--       anomalies, cells, incidents and redirects are forgotten, topologies kept, changes kept,
--       verdicts on causes kept,
--       payload: {seen: [[anomaly, time, incident]], cells: [[time, member]],
--       records: [[id, version, open, wait, closed, into, last]], topology: [[field, calls]],
--       survey: [[field, seen]], changes: [[time, member]], causes: [[incident, verdict with the
--       time it was given in its first 15 digits]], silence: [[id, text]],
--       past: [[incident, end, text]], kept: [[end before which the past is forgotten, how many]]},
--       every leaf a string, "" for none: in the text of a silence or of the past, to forget it;
--       then the text of each record, in the order of their rows.
-- Returns the new revision and, per record, the generation published, nil where the revision has
-- moved on.
local mark, seen, within, cell, inc, redirect, moved, open, wait, closed, dirty, due, told,
  topology, changes, survey, causes, silence, past, ended = unpack(KEYS)
assert(#KEYS == 20 and #ARGV >= 13, 'commit_incidents: wrong number of keys or arguments')
for i = 1, 12 do
  assert(tonumber(ARGV[i]), 'commit_incidents: argument ' .. i .. ' is no number')
end
local payload = cjson.decode(ARGV[13])
local function strings(rows, width)
  for _, row in ipairs(rows) do
    assert(#row == width, 'commit_incidents: a row of the wrong width')
    for _, value in ipairs(row) do
      assert(type(value) == 'string', 'commit_incidents: not a string')
    end
  end
end
strings(payload.seen, 3)
strings(payload.cells, 2)
strings(payload.records, 7)
assert(#ARGV == 13 + #payload.records, 'commit_incidents: not one text per record')
strings(payload.topology, 2)
strings(payload.survey, 2)
strings(payload.changes, 2)
strings(payload.causes, 2)
local function given(verdict)
  return tonumber(string.sub(verdict, 1, 15))
end
for _, row in ipairs(payload.causes) do
  assert(given(row[2]), 'commit_incidents: a verdict without its time')
end
strings(payload.silence, 2)
strings(payload.past, 3)
strings(payload.kept, 2)
assert(tonumber(payload.kept[1][1]) and tonumber(payload.kept[1][2]), 'commit_incidents: kept')

if (redis.call('HGET', mark, 'revision') or '0') ~= ARGV[1] then
  return nil
end
-- The same as next_revision in incident_store.py.
local revision = math.max(tonumber(ARGV[1]) + 1, tonumber(ARGV[2]))
local answer = { revision }
revision = string.format('%.0f', revision)
redis.call('HSET', mark, 'revision', revision)

local function raise(field, value)
  if tonumber(value) > tonumber(redis.call('HGET', mark, field) or '0') then
    redis.call('HSET', mark, field, value)
  end
end
raise('watermark', ARGV[3])
raise('processed_until', ARGV[4])

for _, row in ipairs(payload.seen) do
  if redis.call('HSETNX', within, row[1], row[3]) == 1 then
    redis.call('ZADD', seen, row[2], row[1])
  end
end
for _, row in ipairs(payload.cells) do
  redis.call('ZADD', cell, row[1], row[2])
end

local function index(key, score, member)
  if score == '' then
    redis.call('ZREM', key, member)
  else
    redis.call('ZADD', key, score, member)
  end
end
for i, row in ipairs(payload.records) do
  local id = row[1]
  redis.call('HSET', inc, id, ARGV[13 + i])
  redis.call('HSET', dirty, id, row[2])
  redis.call('ZADD', due, ARGV[2], id)
  index(open, row[3], id)
  index(wait, row[4], id)
  index(closed, row[5], id)
  if row[6] ~= '' then
    redis.call('HSET', redirect, id, row[6])
    redis.call('ZADD', moved, row[7], id)
  end
  answer[i + 1] = tonumber(redis.call('HGET', told, id) or '0')
end
for _, row in ipairs(payload.topology) do
  redis.call('HSET', topology, row[1], row[2])
end
for _, row in ipairs(payload.survey) do
  redis.call('HSET', survey, row[1], row[2])
end
if #payload.changes > 0 then
  redis.call('HSET', mark, 'changed', revision)
end
for _, row in ipairs(payload.changes) do
  redis.call('ZADD', changes, row[1], row[2])
end
for _, row in ipairs(payload.causes) do
  local known = redis.call('HGET', causes, row[1])
  if not known or given(known) < given(row[2]) then
    redis.call('HSET', causes, row[1], row[2])
    redis.call('HSET', mark, 'judged', revision)
  end
end
local excess = redis.call('HLEN', causes) - tonumber(ARGV[12])
if excess > 0 then
  local all, first = redis.call('HGETALL', causes), {}
  for at = 1, #all, 2 do
    first[#first + 1] = { given(all[at + 1]), all[at] }
  end
  table.sort(first, function(one, other)
    return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
  end)
  for at = 1, excess do
    redis.call('HDEL', causes, first[at][2])
  end
end

for _, row in ipairs(payload.silence) do
  if row[2] == '' then
    redis.call('HDEL', silence, row[1])
  else
    redis.call('HSET', silence, row[1], row[2])
  end
end
if #payload.silence > 0 then
  redis.call('HSET', mark, 'silenced', revision)
end
local function forget_past(id)
  redis.call('ZREM', ended, id)
  return redis.call('HDEL', past, id) == 1
end
local altered = false
for _, row in ipairs(payload.past) do
  if row[3] == '' then
    altered = forget_past(row[1]) or altered
  else
    redis.call('HSET', past, row[1], row[3])
    redis.call('ZADD', ended, row[2], row[1])
    altered = true
  end
end
if altered then
  redis.call('HSET', mark, 'remembered', revision)
  local oldest, most = unpack(payload.kept[1])
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', ended, '-inf', '(' .. oldest)) do
    forget_past(id)
  end
  for _, id in ipairs(redis.call('ZRANGE', ended, 0, -1 - tonumber(most))) do
    forget_past(id)
  end
end

-- What is below the horizons goes, a bounded number of each kind at a time.
local function below(key, limit)
  return redis.call('ZRANGEBYSCORE', key, '-inf', '(' .. limit, 'LIMIT', 0, 500)
end
for _, id in ipairs(below(seen, ARGV[6])) do
  redis.call('ZREM', seen, id)
  redis.call('HDEL', within, id)
end
for _, member in ipairs(below(cell, ARGV[7])) do
  redis.call('ZREM', cell, member)
end
for _, id in ipairs(below(closed, ARGV[8])) do
  if redis.call('HEXISTS', dirty, id) == 0 then
    redis.call('ZREM', closed, id)
    redis.call('HDEL', inc, id)
    redis.call('HDEL', told, id)
  end
end
for _, id in ipairs(below(moved, ARGV[9])) do
  redis.call('ZREM', moved, id)
  redis.call('HDEL', redirect, id)
end
redis.call('ZREMRANGEBYSCORE', changes, '-inf', '(' .. ARGV[6])
redis.call('ZREMRANGEBYRANK', changes, 0, -1 - tonumber(ARGV[11]))
for _, key in ipairs({ topology, survey }) do
  local fields = redis.call('HKEYS', key)
  table.sort(fields, function(a, b)
    return tonumber(string.match(a, '^%d+')) < tonumber(string.match(b, '^%d+'))
  end)
  for i = 1, #fields - tonumber(ARGV[10]) do
    redis.call('HDEL', key, fields[i])
  end
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[5])
end
return answer
