// What stands below the table in bench/results.md.
import { CONTACTS, CROWD, FILES, STORM, WIDTH } from './parts.mjs';
import { BATCH } from './project.mjs';
import { BOUND } from './soak.mjs';

export function explained(plan) {
    const many = n => n.toLocaleString('en');
    const count = part => many(plan.wahub[part])
        + (plan.Baileys[part] === undefined ? ''
            : ` (Baileys ${many(plan.Baileys[part])})`);
    const groups = side => Object.entries(plan[side].group).map(([n, texts]) =>
        `${texts} texts to ${many(Number(n))}`).join(', ');
    const documents = name => `${plan.files[name]} of ${FILES[name].text}, `
        + `${FILES[name].width} at a time`;
    return `## How to read this

- One nginx worker with wahub, its own Redis with \`appendfsync always\`:
  every change is on disk before wahub acts on it. The other end is the
  simulator of \`t/sim\`, over plain \`ws://\`; rows that begin with "TLS" are
  over \`wss://\` with TLS 1.3. Baileys does the same work in one Node process
  and persists nothing. Redis's CPU and memory stand beside wahub's, not in
  them.
- CPU is user + system time of the worker from \`/proc\`, all threads, from
  quiet to quiet. The event loop's is that of the first thread; the others are
  the pool's (history, media), with Baileys those of node. Resident memory is
  \`VmRSS\`, PSS that of \`smaps_rollup\`; Redis's is \`used_memory\`. Baileys
  is measured after a forced garbage collection.
- "Per further idle account" is what the accounts beyond the first add,
  divided by their number: once right after all of them were linked (pairing
  and 812 prekeys each leave freed but unreturned memory behind), once after a
  restart that logged all of them in again.
- Logins, and READY: from the start (Redis and nginx included) to the last
  login at the server, and until the API says READY of all. With a server
  that admits ${STORM.perSecond} logins a second one waits at it up to
  ${STORM.longestMs / 1000} s and is sent away with 503 when it would be more.
- Idle CPU: ${plan.idleSeconds} s in which nothing happens but keepalives,
  lease renewals and heartbeats, all of them counted.
- Without a socket: from the end of an account's connection to its next
  login, seen by the server, each account of each run. A reload is
  \`nginx -s reload\`; a binary upgrade USR2, and QUIT when the new worker has
  joined.
- Received: ${count('receive')} texts of one contact to one account, prepared
  beforehand and let loose at once, until the last was answered to the server;
  the same with ${count('crowd')} texts to ${CROWD} accounts at once.
- Receipts: ${count('receipts')} of one contact, each of another text,
  delivered and read by turns, let loose at once like texts.
- Sent: ${count('send')} texts to a contact with a phone, through
  \`POST /api/accounts/{id}/messages\`, ${WIDTH} at a time over kept-alive
  connections, each waiting for the server's ack. Each text is encrypted
  twice: for the contact and for the account's own phone; the delivery
  receipts that come back are part of the work. Baileys: \`sendMessage\`,
  ${WIDTH} at a time.
- Round trips: ${count('echo')}; ${CONTACTS} contacts write in turn, the text
  goes to the account's webhook, the receiver of the webhook answers through
  the API, the contact writes again: a new ratchet in each direction every
  time. Baileys: \`messages.upsert\` to \`sendMessage\`.
- After an absence: ${count('offline')} texts that ${CONTACTS} contacts wrote
  in turn while the account was stopped, from its start until the last was
  answered; the server hands them out in batches as it is asked.
- Groups: the account and ${Object.keys(plan.wahub.group).map(n =>
        many(n - 1)).join(' or ')} phones, ${WIDTH} texts at a time, until the
  server has them and each phone's delivery receipt for each text was
  answered: these receipts are most of the work.
  ${groups('wahub')}; Baileys ${groups('Baileys')}.
  The first text, alone, finds all devices, fetches their keys and gives each
  the sender key; in another group of the same people it gives out that
  group's. Baileys with the group in its cache, as its manual recommends.
  Three members decrypt, the others only answer.
- Documents: random bytes, ${documents('large')},
  ${documents('small')}. Sent: from a file on disk,
  encrypted, uploaded over HTTPS and told of in a message, until the server
  has that. wahub's are in its store already: what it takes to get them there
  over HTTP is not in the numbers. Received: from the message until the file,
  decrypted and verified, is on disk; wahub also flushes it and looks into it
  for its type.
- Kept in Redis: how much more it holds after the first tenth of the texts.
- Projection: a log of ${many(plan.project)} events of 50 accounts (six of
  ten received texts, two sent ones, two receipts) into an empty database,
  ${BATCH} events a transaction, each on disk before the next; PostgreSQL on
  the same machine, its default settings.
- History: ${many(plan.history)} messages in 10 pieces of 100 chats each,
  offered by the phone at once, until the receipt of the last one; every
  message is then a row of SQLite, on disk. Baileys gets the pieces inside the
  notifications, wahub as files, and tells them to a listener that keeps
  nothing. Memory: the highest resident set meanwhile, above that before. A
  turn of wahub's event loop is what it does between two looks at its sockets
  (epoll), in CPU time of its thread. The rows alone: 500 chats from one file
  into an empty database, scanned and written as a worker does it.
- App state received: a chain of
  ${many(plan.wahub.appstate.received)} (Baileys
  ${many(plan.Baileys.appstate.received)}) patches of one change each, told of
  once and fetched 50 at a time, until the last ones were handed out; written:
  ${many(plan.wahub.appstate.written)} (Baileys
  ${many(plan.Baileys.appstate.written)}) changes of a chat one after the
  other, \`PATCH /api/chats/{jid}\` and \`chatModify\`. Baileys does not check
  MACs of patches and snapshots unless told to, and is not. The snapshot, and a
  patch that changes all of it, are given to the engine alone; CPU ms of one
  call.
- Cut off: ${many(plan.reconnect.wahub)} accounts (Baileys
  ${many(plan.reconnect.Baileys)}) lose their sockets at the same moment, as
  behind a router that restarts, and come back by themselves; CPU until all is
  quiet again. wahub waits for a second ±20 % first, so that not all of them
  knock at once; the application around Baileys starts it again after 0.2 s.
- Soak: some 80 texts a second each way over 40 accounts, one of which is
  deleted and replaced every 1.5 s, half of them after being unlinked on the
  phone; every 0.4 s a socket is cut. Growth is the least-squares slope over
  the second half; up to ${BOUND.resident} KiB a minute resident,
  ${BOUND.redis} KiB in Redis and ${BOUND.files} descriptors count as none.
  Redis without what it is meant to keep for a time: the event log, and the
  day buckets of messages that may be asked for again.
- Rates are those of this machine with simulator, client, Redis and worker
  sharing its cores; CPU seconds are the figures to compare.
- Aims: of the issues that this was built for. Measured elsewhere on the same
  kind of work, nothing persisted: Baileys 790 KiB per further idle account,
  0.38 CPU s per 1,000 received, 1.05 per 1,000 sent, 3.3 per 1,000 round
  trips; the best JavaScript client 872 KiB, 0.18, 0.63 and 1.9.
`;
}
