// Numbers into a table, for the terminal and for bench/results.md.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

const HEAD = ['', 'wahub', 'its Redis', 'Baileys', 'aim'];
const AIM = { one: '≤ 20 MiB', idle: '≤ 48 KiB', receive: '≤ 0.05',
    send: '≤ 0.10', echo: '≤ 0.5' };
const TITLE = { receive: 'received texts', send: 'sent texts',
    echo: 'round trips' };

const fixed = digits => v => (v === undefined ? '' : v.toFixed(digits));
const mib = v => (v === undefined ? '' : `${(v / 1024).toFixed(1)} MiB`);
const kib = v => (v === undefined ? '' : `${v.toFixed(1)} KiB`);

function per(from, to, key = 'main') {
    return from?.[key] === undefined || to?.[key] === undefined ? undefined
        : (to[key] - from[key]) / (to.n - from.n);
}

function idleRows({ wahub, Baileys }) {
    const w = wahub.idle;
    const b = Baileys?.idle;
    const rows = [['resident, one account', mib(w.one.main),
        mib(w.one.redis), mib(b?.one.main), AIM.one]];
    const sizes = [...w.linked, ...(b?.linked ?? [])].map(m => m.n);
    for (const n of [...new Set(sizes)].sort((x, y) => x - y)) {
        const wm = w.linked.find(m => m.n === n);
        const bm = b?.linked.find(m => m.n === n);
        rows.push([`per further idle account, ${n} just linked`,
            kib(per(w.one, wm)), kib(per(w.one, wm, 'redis')),
            kib(per(b?.one, bm)), AIM.idle]);
    }
    const after = i => i && kib((i.login.resident - i.restarted.resident)
        / (i.login.n - 1));
    const both = f => [f(w.login), b && f(b.login)];
    const names = both(l => String(l.n)).filter(Boolean);
    const label = [...new Set(names)].join(' / ');
    rows.push([`per further idle account, ${label} after a restart`,
        after(w), '', after(b) ?? '', AIM.idle],
    [`logins per second, ${label} accounts`,
        ...[w.login.perSecond, undefined, b?.login.perSecond]
            .map(fixed(0)), ''],
    ['CPU ms per login', ...[w.login.main, w.login.redis, b?.login.main]
        .map(v => fixed(2)(v === undefined ? v : v * 1000)), '']);
    return rows;
}

function workRows({ wahub, Baileys }) {
    const rows = [];
    for (const part of Object.keys(TITLE)) {
        const w = wahub.parts[part];
        const b = Baileys?.parts[part];
        if (w !== undefined) {
            rows.push([`${TITLE[part]} per second`, fixed(0)(w.perSecond),
                '', fixed(0)(b?.perSecond), ''],
            [`CPU s per 1,000 ${TITLE[part]}`, fixed(3)(w.main),
                fixed(3)(w.redis), fixed(3)(b?.main), AIM[part]]);
        }
    }
    if (wahub.parts.after !== undefined) {
        rows.push(['resident, one account, after all that',
            mib(wahub.parts.after), '', mib(Baileys?.parts.after), '']);
    }
    return rows;
}

function rowsOf(results) {
    return [...(results.wahub.idle === undefined ? [] : idleRows(results)),
        ...workRows(results)];
}

/** A Markdown table whose columns are also straight as plain text. */
export function table(results) {
    const rows = [HEAD, ...rowsOf(results)];
    const width = HEAD.map((_, i) => Math.max(...rows.map(r => r[i].length)));
    const line = r => '| ' + r.map((c, i) => (i === 0 ? c.padEnd(width[i])
        : c.padStart(width[i]))).join(' | ') + ' |';
    const rule = '|' + width.map((w, i) => (i === 0 ? '-'.repeat(w + 2)
        : '-'.repeat(w + 1) + ':')).join('|') + '|';
    return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

function version(command, args, pattern) {
    try {
        return pattern.exec(execFileSync('sh', ['-c',
            [command, ...args].join(' ') + ' 2>&1'],
        { encoding: 'utf8' }))?.[1] ?? '?';
    } catch {
        return '?';
    }
}

function machine() {
    const cpus = os.cpus();
    const baileys = JSON.parse(readFileSync(new URL('../../node_modules/'
        + 'baileys/package.json', import.meta.url), 'utf8')).version;
    return `${new Date().toISOString().slice(0, 10)}, ${cpus.length} cores ` +
        `${cpus[0].model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, `
        + `Linux ${os.release()}; nginx `
        + version('/usr/sbin/nginx', ['-v'], /nginx\/(\S+)/) + ', Redis '
        + version('redis-server', ['--version'], /v=(\S+)/)
        + `, Node ${process.versions.node}, Baileys ${baileys}`;
}

export function markdown(results, { plan, times, seconds, load, quick,
    width, contacts }) {
    const count = part => `${plan.wahub[part].toLocaleString('en')} ` +
        `(Baileys ${plan.Baileys[part].toLocaleString('en')})`;
    const loads = load.map(fixed(1)).join(', ');
    return `# Benchmark results

Written by \`./wahub bench${quick ? ' --quick' : ''}\`; ${machine()}.
Medians of ${times} run${times === 1 ? '' : 's'}; ${seconds} s in all. Load
average of the machine when it began and when it ended: ${loads} (other work
takes cache and CPU from what is measured meanwhile; wahub goes first).

${table(results)}

## How to read this

- One nginx worker with wahub, plain \`ws://\` to the simulator of \`t/sim\`,
  its own Redis with \`appendfsync always\`: every change is on disk before
  wahub acts on it. Baileys does the same work in one Node process and
  persists nothing. Redis's CPU and memory stand beside wahub's, not in them.
- CPU is user + system time of the worker from \`/proc\`, all threads, from
  quiet to quiet. Resident memory is \`VmRSS\`; Redis's is \`used_memory\`.
  Baileys is measured after a forced garbage collection.
- "Per further idle account" is what the accounts beyond the first add,
  divided by their number: once right after all of them were linked (pairing
  and 812 prekeys each leave freed but unreturned memory behind), once after a
  restart that logged all of them in again.
- Logins: from the start (Redis and nginx included) to the last login at the
  server. wahub opens accounts at a limited pace, so that a restart is not an
  assault on the server; Baileys' clients all connect at once.
- Received: ${count('receive')} texts of one contact to one account, prepared
  beforehand and let loose at once, until the last was answered to the server.
- Sent: ${count('send')} texts to a contact with a phone, through
  \`POST /api/accounts/{id}/messages\`, ${width} at a time over kept-alive
  connections, each waiting for the server's ack. Each text is encrypted
  twice: for the contact and for the account's own phone; the delivery
  receipts that come back are part of the work. Baileys: \`sendMessage\`,
  ${width} at a time.
- Round trips: ${count('echo')}; ${contacts} contacts write in turn, the text
  goes to the account's webhook, the receiver of the webhook answers through
  the API, the contact writes again: a new ratchet in each direction every
  time. Baileys: \`messages.upsert\` to \`sendMessage\`.
- Rates are those of this machine with simulator, client, Redis and worker
  sharing its cores; CPU seconds are the figures to compare.
- Aims: of the issue that this was built for. Measured elsewhere on the same
  kind of work, nothing persisted: Baileys 790 KiB per further idle account,
  0.38 CPU s per 1,000 received, 1.05 per 1,000 sent, 3.3 per 1,000 round
  trips; the best JavaScript client 872 KiB, 0.18, 0.63 and 1.9.
`;
}
