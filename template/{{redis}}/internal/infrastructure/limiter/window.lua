-- Counts what is allowed in each part of a sliding window, as ratelimit.Local does. Time is that of the server, so that the
-- clocks of its clients don't matter. The key expires when nothing in it counts any more.
-- KEYS: a hash from the number of a part, since 1970, to its count
-- ARGV: how many are allowed; the length of a part in microseconds; how many parts a window has
-- Returns whether one more is allowed (1 or 0), how many remain, and in how many microseconds there are more.
local limit, part, parts = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local current = math.floor(now / part)

local counts, used, over = {}, 0, {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local number, count = tonumber(stored[i]), tonumber(stored[i + 1])
  if number >= current - parts then
    counts[number] = count
    used = used + count
  else
    over[#over + 1] = stored[i]
  end
end

local allowed, wanted = 0, 1
if used < limit then
  allowed = 1
  used = used + 1
  counts[current] = (counts[current] or 0) + 1
  if #over > 0 then
    redis.call('HDEL', KEYS[1], unpack(over))
  end
  redis.call('HINCRBY', KEYS[1], string.format('%.0f', current), 1)
  redis.call('PEXPIRE', KEYS[1], math.ceil(part * (parts + 1) / 1000))
else
  wanted = wanted + used - limit
end

local reset = part * parts
for number = current - parts, current do
  wanted = wanted - (counts[number] or 0)
  if wanted <= 0 then
    reset = (number + parts + 1) * part - now
    break
  end
end

return {allowed, math.max(0, limit - used), reset}
