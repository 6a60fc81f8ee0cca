// Where the worker's CPU goes: samples of perf around one part, by groups of
// symbols.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// The first row that fits counts.  `lib`: the shared object, `name`: the
// function.
const GROUPS = [
    ['kernel', { lib: /kernel|^\[k|vmlinux|^\[guest/ }],
    ['crypto', { lib: /libcrypto|libsodium|libssl|libsignal/ }],
    ['crypto', { name: /^wa_(crypto|noise|signal|record_(seal|open)|hkdf|sha|aes|hmac|x25519|aead|random|xed)|^(signal|session|ratchet|curve|hkdf|ge_|fe_|sc_|crypto_|ec_|pre_key|root_key|message_keys|signal_)/ }],
    ['webhooks (libcurl)', { lib: /libcurl|libnghttp|libidn|libpsl/ }],
    ['webhooks (libcurl)', { name: /^ngx_http_wahub_(curl|webhook)/ }],
    ['history', { lib: /libsqlite|libpq/ }],
    ['history', { name: /^(wa_(sql|project|archive|schema)|sql_|sqlite3|ngx_http_wahub_project)/ }],
    ['Redis', { lib: /libhiredis/ }],
    ['Redis', { name: /^(ngx_http_wahub_(redis|store|script|key)|redis|sds|dict)/ }],
    ['JSON', { lib: /libjansson/ }],
    ['JSON', { name: /^(wa_json|json_|wa_event|ngx_http_wahub_(view|lookup)|wa_view|wa_life_put_view)/ }],
    ['parsing', { lib: /libprotobuf|libwslay|libz\./ }],
    ['parsing', { name: /^(wa_(node|frame|ws|wabin|dict|unpack|pack|proto|message|bin|buf|cursor|jid|inflate)|wslay|protobuf|whatsapp|signal__|textsecure)|__(pack|unpack|init)$/ }],
    ['memory', { name: /^_*(int_)?(malloc|free|calloc|realloc|memalign)|^malloc|^_int_|unlink_chunk|^sysmalloc|cfree|^mem(cpy|move|set|cmp)|_mem(cpy|move|set|cmp)|^__mem|^wa_(alloc|calloc|free|arena|wipe)|^ngx_(palloc|pnalloc|pcalloc|alloc|create_pool|destroy_pool|pfree)|^str|^__str/ }],
    ['HTTP and event loop', { name: /^ngx_/ }],
    ['engine', { name: /^wa_/ }],
    ['engine', { lib: /wahub/ }],
    ['HTTP and event loop', { lib: /nginx/ }],
    ['other', {}],
];

const ORDER = [...new Set(GROUPS.map(([group]) => group))];

function groupOf(lib, name) {
    return GROUPS.find(([, { lib: l, name: n }]) =>
        (l === undefined || l.test(lib)) && (n === undefined || n.test(name))
    )[0];
}

/** [lib, name, amount] rows -> { groups: Map of shares, top: [...] } */
function summary(rows) {
    const total = rows.reduce((sum, [, , n]) => sum + n, 0);
    const groups = new Map(ORDER.map(g => [g, 0]));
    for (const [lib, name, n] of rows) {
        const group = groupOf(lib, name);
        groups.set(group, groups.get(group) + n / total);
    }
    const top = rows.sort((a, b) => b[2] - a[2]).slice(0, 15)
        .map(([lib, name, n]) => ({ lib, name, share: n / total,
            group: groupOf(lib, name) }));
    return { groups, top };
}

/** Throws where perf does not work. */
export function needPerf() {
    try {
        execFileSync('perf', ['stat', '-e', 'task-clock', 'true'],
            { stdio: 'ignore' });
    } catch {
        throw new Error('--profile needs perf (Debian: linux-perf) and the '
            + 'right to use it (root, or kernel.perf_event_paranoid 1)');
    }
}

/** Starts recording; returns a function that ends it and tells where the
 *  CPU went. */
export function record(pid) {
    const dir = mkdtempSync(join(tmpdir(), 'wahub-perf-'));
    const file = join(dir, 'data');
    const child = spawn('perf', ['record', '-q', '-F', '999', '-p',
        String(pid), '-o', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    return async () => {
        child.kill('SIGINT');
        await ended;
        const text = execFileSync('perf', ['report', '-i', file, '--stdio',
            '-g', 'none', '--no-header', '--sort', 'dso,symbol', '-F',
            'sample,dso,symbol', '-t', '\t'], { encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
        rmSync(dir, { recursive: true, force: true });
        return summary(text.split('\n').map(line => line.split('\t'))
            .filter(f => f.length >= 3 && /^\s*\d+\s*$/.test(f[0]))
            .map(([n, lib, name]) => [lib.trim(),
                name.trim().replace(/^\[.\] /, ''), Number(n)]));
    };
}
