/*
 * Scripts that run inside Redis.
 */
#include "ngx_http_wahub_script.h"


/*
 * One commit.  KEYS: 1 lease, 2 account hash, 3 log, 4 hook hash,
 * 5 set of accounts, then the bucket hashes (or, when flags has "w", every
 * bucket that may exist).
 * ARGV: 1 fence, 2 seq, 3 account id, 4 shard, 5 channel, 6 flags
 * ("c" create, "r" empty the hash first, "w" wipe), then a list read from
 * the left:
 *   number of values, of deletions, [field value]..., [field]...,
 *   for each bucket: expiry (unix s), the same counts and lists,
 *   number of events, for each: body, hook, aside ("" none).
 * Bodies are JSON objects; they get their "id" here, where it is made.  An
 * aside is logged and not published.
 * Lists go to HSET in slices: a Lua call takes a limited number of values.
 */
const ngx_str_t  ngx_http_wahub_script_commit = ngx_string(
"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
"local A, hash, flags = ARGV, KEYS[2], ARGV[6]\n"
"local seq = tonumber(A[2])\n"
"local cur = tonumber(redis.call('HGET', hash, 'seq') or '0')\n"
"if cur >= seq then return -3 end\n"
"if flags == 'w' and cur == 0 then return -3 end\n"
"if cur ~= seq - 1 then return -2 end\n"
"local i = 7\n"
"local function slices(cmd, key, n)\n"
"  while n > 0 do\n"
"    local m = n\n"
"    if m > 4000 then m = 4000 end\n"
"    redis.call(cmd, key, unpack(A, i, i + m - 1))\n"
"    i = i + m\n"
"    n = n - m\n"
"  end\n"
"end\n"
"local function apply(key)\n"
"  local sets, dels = tonumber(A[i]), tonumber(A[i + 1])\n"
"  i = i + 2\n"
"  slices('HSET', key, sets * 2)\n"
"  slices('HDEL', key, dels)\n"
"end\n"
"if flags == 'r' then redis.call('DEL', hash) end\n"
"apply(hash)\n"
"if flags == 'w' then\n"
"  redis.call('DEL', hash, unpack(KEYS, 6))\n"
"  redis.call('SREM', KEYS[5], A[3])\n"
"else\n"
"  for k = 6, #KEYS do\n"
"    local expiry = A[i]\n"
"    i = i + 1\n"
"    apply(KEYS[k])\n"
"    redis.call('EXPIREAT', KEYS[k], expiry)\n"
"  end\n"
"  if flags == 'c' then redis.call('SADD', KEYS[5], A[3]) end\n"
"end\n"
"local ids = {}\n"
"local n = tonumber(A[i])\n"
"for k = 1, n do\n"
"  local body, hook, aside = A[i + 1], A[i + 2], A[i + 3]\n"
"  i = i + 3\n"
"  local id\n"
"  if aside == '' then\n"
"    id = redis.call('XADD', KEYS[3], '*', 'e', body)\n"
"  else\n"
"    id = redis.call('XADD', KEYS[3], '*', 'e', body, 'a', aside)\n"
"  end\n"
"  id = id .. '-' .. A[4]\n"
"  ids[k] = id\n"
"  redis.call('PUBLISH', A[5], '{\"id\":\"' .. id .. '\",'\n"
"                              .. string.sub(body, 2))\n"
"  if hook ~= '' then redis.call('HSET', KEYS[4], id, hook) end\n"
"end\n"
"return ids\n");


/*
 * KEYS: 1 lease, 2 epoch, 3 set of accounts, 4 log.  ARGV: 1 member, 2 lease
 * ms.  { 1, epoch, accounts, last id of the log } or { 0, ms the holder's
 * lease lasts }.  A lease that is the asker's already (its answer was lost)
 * counts as acquired.
 *
 * The epoch is the clock in seconds, or one more than the last if that is
 * more: it also grows past what the history database knows of a Redis that
 * lost its data.
 */
const ngx_str_t  ngx_http_wahub_script_acquire = ngx_string(
"local v = redis.call('GET', KEYS[1])\n"
"local epoch\n"
"if v then\n"
"  local member, e = string.match(v, '^(.*):(%d+)$')\n"
"  if member ~= ARGV[1] then\n"
"    return { 0, redis.call('PTTL', KEYS[1]) }\n"
"  end\n"
"  epoch = e\n"
"  redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
"else\n"
"  local last = tonumber(redis.call('GET', KEYS[2]) or '0')\n"
"  local now = tonumber(redis.call('TIME')[1])\n"
"  epoch = string.format('%.0f', math.max(last + 1, now))\n"
"  redis.call('SET', KEYS[2], epoch)\n"
"  redis.call('SET', KEYS[1], ARGV[1] .. ':' .. epoch, 'PX', ARGV[2])\n"
"end\n"
"local tail, info = '0-0', {}\n"
"if redis.call('EXISTS', KEYS[4]) == 1 then\n"
"  info = redis.call('XINFO', 'STREAM', KEYS[4])\n"
"end\n"
"for k = 1, #info, 2 do\n"
"  if info[k] == 'last-generated-id' then tail = info[k + 1] end\n"
"end\n"
"return { 1, epoch, redis.call('SMEMBERS', KEYS[3]), tail }\n");


/*
 * KEYS: 1 lease, 2 epoch.  ARGV: 1 fence, 2 lease ms, 3 epoch.
 * 1 renewed, 0 lost.  A lease that ran out while nobody took the shard (the
 * epoch says so) is the old holder's still.
 */
const ngx_str_t  ngx_http_wahub_script_renew = ngx_string(
"local v = redis.call('GET', KEYS[1])\n"
"if v == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end\n"
"if v or redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end\n"
"redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
"return 1\n");


/*
 * KEYS: 1 lease.  ARGV: 1 fence, 2 channel, 3 notice.  1 released.
 */
const ngx_str_t  ngx_http_wahub_script_release = ngx_string(
"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
"redis.call('DEL', KEYS[1])\n"
"redis.call('PUBLISH', ARGV[2], ARGV[3])\n"
"return 1\n");


/*
 * Heartbeat.  KEYS: 1 members.  ARGV: 1 member, 2 ms it lives.  The clock is
 * Redis' own.  The live members.
 */
const ngx_str_t  ngx_http_wahub_script_member = ngx_string(
"local t = redis.call('TIME')\n"
"local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
"redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)\n"
"redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])\n"
"return redis.call('ZRANGE', KEYS[1], 0, -1)\n");


/*
 * KEYS: 1 what all members share, 2 members.  ARGV: 1 it, as the asker has
 * it: "<shards> <key>".  { what holds now, what held before or "" }.  Another
 * key may be brought while nobody lives, another number of shards never.
 */
const ngx_str_t  ngx_http_wahub_script_cluster = ngx_string(
"local v = redis.call('GET', KEYS[1]) or ''\n"
"if v == ARGV[1] then return { v, v } end\n"
"if v ~= '' then\n"
"  if string.match(v, '^%d+') ~= string.match(ARGV[1], '^%d+') then\n"
"    return { v, v }\n"
"  end\n"
"  local t = redis.call('TIME')\n"
"  local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
"  if redis.call('ZCOUNT', KEYS[2], now, '+inf') > 0 then\n"
"    return { v, v }\n"
"  end\n"
"end\n"
"redis.call('SET', KEYS[1], ARGV[1])\n"
"return { ARGV[1], v }\n");


/*
 * KEYS: 1 account hash, 2 lease.  ARGV: 1 what a member's channel begins
 * with.  nil, or { view, 1 if the shard's holder lives }.  The connections of
 * a worker that dies end with it, its leases later: who does not listen does
 * not live.
 */
const ngx_str_t  ngx_http_wahub_script_view = ngx_string(
"local v = redis.call('HGET', KEYS[1], 'view')\n"
"if not v then return false end\n"
"local member = string.match(redis.call('GET', KEYS[2]) or '', '^(.*):')\n"
"if not member then return { v, 0 } end\n"
"return { v, redis.call('PUBSUB', 'NUMSUB', ARGV[1] .. member)[2] }\n");


/*
 * After a projection.  KEYS: 1 log.  ARGV: 1 the projected position, 2 how
 * many events stay, 3 the oldest id that stays.  Events removed.  Nothing
 * above the position goes: by age because 3 is not above 1, by number
 * because as many stay as there are above it (when those are too many to
 * look at, the number waits for the next time).
 */
const ngx_str_t  ngx_http_wahub_script_trim = ngx_string(
"local log, keep = KEYS[1], tonumber(ARGV[2])\n"
"local n = redis.call('XTRIM', log, 'MINID', '~', ARGV[3])\n"
"if redis.call('XLEN', log) > keep then\n"
"  local above = #redis.call('XRANGE', log, '(' .. ARGV[1], '+',\n"
"                            'COUNT', 1001)\n"
"  if above <= 1000 and above <= keep then\n"
"    n = n + redis.call('XTRIM', log, 'MAXLEN', '~', keep)\n"
"  end\n"
"end\n"
"return n\n");


/*
 * Redis was set back.  KEYS: 1 lease, 2 log, then the hashes of accounts.
 * ARGV: 1 fence, 2 the position that the history database has.  1 done, 0 the
 * shard is another's.  The log goes on behind that position, so that this is
 * found once; when it has got there by itself, that is refused.
 */
const ngx_str_t  ngx_http_wahub_script_behind = ngx_string(
"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
"for k = 3, #KEYS do\n"
"  if redis.call('EXISTS', KEYS[k]) == 1 then\n"
"    redis.call('HSET', KEYS[k], 'behind', ARGV[2])\n"
"  end\n"
"end\n"
"redis.pcall('XSETID', KEYS[2], ARGV[2])\n"
"return 1\n");
