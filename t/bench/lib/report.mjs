// Numbers into a table, for the terminal and for bench/results.md.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { explained } from './explain.mjs';
import { FILES, STORM } from './parts.mjs';
import { BOUND } from './soak.mjs';

const HEAD = ['', 'wahub', 'its Redis', 'Baileys', 'aim'];
const TITLE = { receive: 'received texts',
    crowd: 'texts received by 50 accounts', receipts: 'receipts',
    send: 'sent texts',
    echo: 'round trips', offline: 'texts after an absence' };
const AIM = { one: 20 * 1024, idle: 24, tls: 48, redis: 96, cpu: 0.3,
    login: 1, back: 30, gap: 1000, receive: 0.03, crowd: 0.03, send: 0.06,
    echo: 0.35 };

const fixed = digits => v => (v === undefined ? '' : v.toFixed(digits));
const mib = v => (v === undefined ? '' : `${(v / 1024).toFixed(1)} MiB`);
const kib = v => (v === undefined ? '' : `${v.toFixed(1)} KiB`);
const ms = v => (v === undefined ? '' : `${Math.round(v)} ms`);
const seconds = v => (v === undefined ? '' : `${v.toFixed(1)} s`);

/** "≤ 24 KiB", and whether that was missed. */
function aim(key, value, show) {
    return `≤ ${show(AIM[key])}${value > AIM[key] ? ', missed' : ''}`;
}

/** What the accounts beyond the first add, each. */
function per(from, to, key = 'main') {
    return from?.[key] === undefined || to?.[key] === undefined ? undefined
        : (to[key] - from[key]) / (to.n - from.n);
}

const linkedAt = (idle, n) => idle?.linked.find(m => m.n === n);

function memoryRows(w, b, key) {
    const rows = [];
    const sizes = new Set([...w.linked, ...(b?.linked ?? [])].map(m => m.n));
    for (const n of [...sizes].sort((x, y) => x - y)) {
        const [wm, bm] = [linkedAt(w, n), linkedAt(b, n)];
        const v = per(w.one, wm);
        const last = wm === w.linked.at(-1);
        rows.push([`per further idle account, ${n} just linked`, kib(v),
            kib(per(w.one, wm, 'redis')), kib(per(b?.one, bm)),
            last ? aim(key, v, v => `${v} KiB`) : '']);
    }
    const after = (i, k) => i && (i.login[k] - i.restarted[k])
        / (i.login.n - 1);
    const [v, pss] = [after(w, 'resident'), after(w, 'pss')];
    rows.push([`per further idle account, ${sizesOf(w, b)} after a restart`,
        kib(v), '', kib(after(b, 'resident')),
        aim(key, v, v => `${v} KiB`)],
    ['the same, pages shared with others by share (PSS)', kib(pss), '', '',
        '']);
    return rows;
}

function sizesOf(w, b) {
    return [...new Set([w.login.n, b?.login.n].filter(Boolean))].join(' / ');
}

function lifeRows(w, b) {
    const n = sizesOf(w, b);
    const cost = w.login.main * 1000;
    const rows = [
        [`logins per second after a restart, ${n}`, fixed(0)(
            w.login.perSecond), '', fixed(0)(b?.login.perSecond), ''],
        ['CPU per login', `${cost.toFixed(2)} ms`,
            `${(w.login.redis * 1000).toFixed(2)} ms`,
            b ? `${(b.login.main * 1000).toFixed(2)} ms` : '',
            aim('login', cost, v => `${v} ms`)],
        [`all ${w.login.n} READY after a restart`, seconds(w.login.ready),
            '', seconds(b?.login.ready),
            aim('back', w.login.ready, v => `${v} s`)]];
    if (w.storm !== undefined) {
        rows.push([`the same, the server admitting ${STORM.perSecond} a `
            + 'second', seconds(w.storm.ready), '', '',
        aim('back', w.storm.ready, v => `${v} s`)],
        ['idle CPU per account and minute', `${w.rest.main.toFixed(2)} ms`,
            `${w.rest.redis.toFixed(2)} ms`, '',
            aim('cpu', w.rest.main, v => `${v} ms`)],
        ...threadRows(w.rest, undefined, v => (v === undefined ? ''
            : `${v.toFixed(2)} ms`)));
    }
    for (const [kind, name] of [['reload', 'reload'],
        ['upgrade', 'binary upgrade']]) {
        if (w[kind] !== undefined) {
            rows.push([`without a socket, ${name}, median`,
                ms(w[kind].median), '', '',
                aim('gap', w[kind].median, ms)],
            [`without a socket, ${name}, worst`, ms(w[kind].worst), '', '',
                '']);
        }
    }
    return rows;
}

function idleRows(w, b, key) {
    const rows = [['resident, one account', mib(w.one.main),
        mib(w.one.redis), mib(b?.one.main), aim('one', w.one.main, mib)],
    ...memoryRows(w, b, key), ...lifeRows(w, b)];
    const kept = per(w.one, w.linked.at(-1), 'redis');
    rows.push([`Redis per idle account, ${w.login.n}`, '', kib(kept), '',
        aim('redis', kept, v => `${v} KiB`)]);
    return key === 'tls'
        ? rows.map(([name, ...rest]) => [`TLS: ${name}`, ...rest]) : rows;
}

/** Where the CPU of a row was used: the event loop is one thread and ends
 *  what a worker can do; the pool's threads take other cores. */
function threadRows(w, b, show = fixed(3)) {
    const rest = v => v && v.main - v.loop;
    return [['- of it in the event loop', show(w.loop), '', show(b?.loop),
        ''],
    ['- of it in other threads', show(rest(w)), '', show(rest(b)), '']];
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
                fixed(3)(w.redis), fixed(3)(b?.main),
                AIM[part] === undefined ? '' : aim(part, w.main, String)],
            ...threadRows(w, b),
            [`kept in Redis per 1,000 ${TITLE[part]}`, '', kib(w.kept), '',
                '']);
        }
    }
    if (wahub.parts.after !== undefined) {
        rows.push(['resident after all that', mib(wahub.parts.after), '',
            mib(Baileys?.parts.after), '']);
    }
    return rows;
}

function groupRows({ wahub, Baileys }) {
    return Object.entries(wahub.group ?? {}).flatMap(([size, w]) => {
        const b = Baileys?.group?.[size];
        const once = (name, key) => [[name, ms(w[key].ms), '',
            ms(b?.[key].ms), ''],
        ['- CPU s of it', fixed(3)(w[key].main), fixed(3)(w[key].redis),
            fixed(3)(b?.[key].main), '']];
        return [...once(`first text to a group of ${size}, all unknown`,
            'first'),
        ...once(`first text to another group of the same ${size}`, 'again'),
        [`texts to a group of ${size} per second`, fixed(1)(
            w.texts.perSecond), '', fixed(1)(b?.texts.perSecond), ''],
        [`CPU s per 1,000 texts to a group of ${size}`, fixed(2)(
            w.texts.main), fixed(2)(w.texts.redis), fixed(2)(b?.texts.main),
        ''], ...threadRows(w.texts, b?.texts)];
    });
}

/** Large files by their size, small ones by their number. */
function mediaRows({ wahub, Baileys }) {
    return Object.entries(wahub.media ?? {}).flatMap(([name, m]) =>
        ['sent', 'received'].flatMap(way => {
            const unit = name === 'large' ? 'mib' : 'files';
            const w = m[way][unit];
            const b = Baileys?.media?.[name][way][unit];
            const what = `documents of ${FILES[name].text} ${way}`;
            const [rate, cpu] = name === 'large'
                ? [`${what}, MiB per second`,
                    `CPU s per 1,000 MiB, ${what}`]
                : [`${what} per second`, `CPU s per 1,000 ${what}`];
            return [[rate, fixed(1)(w.perSecond), '', fixed(1)(b?.perSecond),
                ''],
            [cpu, fixed(2)(w.main), fixed(2)(w.redis), fixed(2)(b?.main),
                ''], ...threadRows(w, b)];
        }));
}

function projectRows({ project }) {
    return project === undefined ? [] : [['SQLite', project.sqlite],
        ['PostgreSQL', project.postgresql]].map(([name, rate]) =>
        [`projection catching up into ${name}, events per second`,
            fixed(0)(rate), '', '', '']);
}

function reconnectRows({ wahub, Baileys }) {
    const [w, b] = [wahub.reconnect, Baileys?.reconnect];
    const cost = v => (v === undefined ? '' : `${(v * 1000).toFixed(2)} ms`);
    const what = w && `${[...new Set([w.n, b?.n].filter(Boolean))].join(
        ' / ')} accounts cut off at once`;
    return w === undefined ? [] : [
        [`${what}: back per second`, fixed(0)(w.perSecond), '',
            fixed(0)(b?.perSecond), ''],
        ['- CPU of each', cost(w.main), cost(w.redis), cost(b?.main), ''],
        ['- without a socket, median', ms(w.gap), '', b ? ms(b.gap) : '', ''],
        ['- without a socket, worst', ms(w.worst), '', b ? ms(b.worst) : '',
            '']];
}

/** The whole of it beside Baileys, then the rows alone. */
function historyRows({ wahub, Baileys }) {
    const [w, b] = [wahub.taken, Baileys?.taken];
    const grown = v => (v === undefined ? '' : `${v.toFixed(1)} MiB`);
    const limit = v => '≤ 32 MiB' + (v > 32 ? ', missed' : '');
    const slice = (name, v) => [`- event loop, ${name}`, `${fixed(2)(v)} ms`,
        '', '', '≤ 5 ms' + (v > 5 ? ', missed' : '')];
    return [...(w === undefined ? [] : [
        ['history of the phone, messages per second',
            fixed(0)(w.perSecond), '', fixed(0)(b?.perSecond), ''],
        ['CPU s per 1,000 messages of history', fixed(3)(w.main),
            fixed(3)(w.redis), fixed(3)(b?.main), ''],
        ...threadRows(w, b),
        ['history of the phone: memory grows by', grown(w.grown), '',
            grown(b?.grown), limit(w.grown)],
        slice('longest turn, CPU', w.loopTime.longest),
        slice('99th percentile of turns, CPU', w.loopTime.p99)]),
    ...(wahub.history === undefined ? [] : [['SQLite',
        wahub.history.sqlite], ['PostgreSQL', wahub.history.postgresql]])
        .flatMap(([name, h]) => [
        [`rows of history alone into ${name}, messages per second`,
            fixed(0)(h.rate), '', '', ''],
        [`rows of history alone into ${name}: memory grows by`,
            grown(h.grown), '', '', limit(h.grown)]])];
}

function appstateRows({ wahub, Baileys }) {
    const rows = ['received', 'written'].flatMap(way => {
        const w = wahub.appstate?.[way];
        const b = Baileys?.appstate?.[way];
        const what = `patches of app state ${way}`;
        return w === undefined ? [] : [[`${what} per second`,
            fixed(0)(w.perSecond), '', fixed(0)(b?.perSecond), ''],
        [`CPU s per 1,000 ${what}`, fixed(3)(w.main), fixed(3)(w.redis),
            fixed(3)(b?.main), ''], ...threadRows(w, b)];
    });
    const s = wahub.snapshot;
    return s === undefined ? rows : [...rows,
        [`snapshot of ${s.records.toLocaleString('en')} records, records per `
            + 'CPU second', fixed(0)(s.rate), '', '', ''],
        ['- longest on the event loop', `${s.longest.toFixed(1)} ms`, '', '',
            `≤ 5 ms${s.longest > 5 ? ', missed' : ''}`],
        ['- 99 of 100 calls', `${s.p99.toFixed(1)} ms`, '', '', '']];
}

function soakRows({ soak }) {
    if (soak === undefined) {
        return [];
    }
    const { growth, minutes, last } = soak;
    const name = 'soak: growth a minute, second half';
    const limit = (key, unit) => `≤ ${BOUND[key]}${unit}`
        + (growth[key] > BOUND[key] ? ', missed' : '');
    return [[`soak of ${minutes} minutes: resident at the end`,
        mib(last.resident), mib(last.redis), '', ''],
    [`${name}, worker`, kib(growth.resident), '', '',
        limit('resident', ' KiB')],
    [`${name}, Redis without log and buckets`, '', kib(growth.redis), '',
        limit('redis', ' KiB')],
    [`${name}, file descriptors`, fixed(1)(growth.files), '', '',
        limit('files', '')],
    ['soak: log and buckets per 1,000 messages', '', kib(soak.kept), '', '']];
}

function rowsOf({ wahub, Baileys }) {
    return [...(wahub.idle === undefined ? []
        : idleRows(wahub.idle, Baileys?.idle, 'idle')),
    ...(wahub.tls === undefined ? [] : idleRows(wahub.tls, undefined, 'tls')),
    ...workRows({ wahub, Baileys }), ...groupRows({ wahub, Baileys }),
    ...mediaRows({ wahub, Baileys }), ...projectRows(wahub),
    ...historyRows({ wahub, Baileys }), ...appstateRows({ wahub, Baileys }),
    ...reconnectRows({ wahub, Baileys }),
    ...soakRows(wahub)];
}

/** A Markdown table whose columns are also straight as plain text. */
export function table(results) {
    return straight([HEAD, ...rowsOf(results)]);
}

function straight(rows) {
    const width = rows[0].map((_, i) => Math.max(...rows.map(r => r[i].length)));
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

/** Tables of where the CPU went; empty without --profile. */
export function profiles({ wahub }) {
    const named = (name, of) => Object.entries(of ?? {}).map(([k, v]) =>
        [`${name}${k}`, v?.where]);
    const found = [...named('', wahub.parts), ...named('group ', wahub.group),
        ...named('media ', wahub.media)].filter(([, w]) => w !== undefined);
    if (found.length === 0) {
        return '';
    }
    const parts = found.map(([name]) => name);
    const where = found.map(([, w]) => w);
    const percent = v => `${(v * 100).toFixed(1)} %`;
    const groups = [...where[0].groups.keys()].map(g => [g,
        ...where.map(w => percent(w.groups.get(g)))]);
    const top = where[0].top.map((_, i) => [String(i + 1),
        ...where.map(w => (w.top[i] === undefined ? ''
            : `${w.top[i].name} ${percent(w.top[i].share)}`))]);
    return `\nWhere the worker's CPU goes, by perf: shares of what each `
        + 'function takes\nitself, callees not counted.\n\n'
        + `${straight([['group', ...parts], ...groups])}\n\n`
        + `${straight([['largest', ...parts], ...top])}\n`;
}

function machineLoad(load) {
    const [before, after] = load.map(fixed(1));
    return `Load average of the machine when it began and when it ended:
${before}, ${after} (other work takes cache and CPU from what is measured
meanwhile; wahub goes first).`;
}

export function markdown(results, { plan, seconds: took, load, quick }) {
    const { runs } = plan;
    return `# Benchmark results

Written by \`./wahub bench${quick ? ' --quick' : ''}\`; ${machine()}.
Medians of ${runs} run${runs === 1 ? '' : 's'}; ${took} s in all.
${machineLoad(load)}

${table(results)}
${profiles(results)}
${explained(plan)}`;
}
