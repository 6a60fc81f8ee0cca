// Networks of a test's own. The test file starts itself again in a fresh
// network namespace, the hub; hosts are further namespaces, joined to the
// hub by links that can be cut. Nothing has a name outside, so all of it is
// gone when the processes are, however they end.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const MARK = 'WAHUB_TEST_IN_HUB';

function ip(...args) {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** undefined, or why namespaces cannot be made here. */
export function missing() {
    for (const [cmd, args] of [['ip', ['-V']], ['nsenter', ['-V']],
        ['unshare', ['--net', 'ip', 'link', 'add', 'wa0', 'type', 'veth',
            'peer', 'name', 'wa1']]]) {
        const r = spawnSync(cmd, args, { encoding: 'utf8' });
        if (r.error !== undefined || r.status !== 0) {
            return `no network namespaces: ${r.error?.message
                ?? `${cmd}: ${r.stderr.trim()}`}`;
        }
    }
    return undefined;
}

/** True in the hub; otherwise the file runs there, and its end is ours. */
export async function inHub(file) {
    if (process.env[MARK] !== undefined) {
        ip('link', 'set', 'lo', 'up');
        return true;
    }
    const child = spawn('unshare', ['--net', process.execPath,
        ...process.execArgv, file], { stdio: 'inherit',
        env: { ...process.env, [MARK]: '1' } });
    for (const signal of ['SIGINT', 'SIGTERM']) {
        process.on(signal, () => child.kill(signal));
    }
    const [code] = await once(child, 'exit');
    process.exitCode = code ?? 1;
    return false;
}

/** Gives the hub an address of its own. */
export function hubAddress(address) {
    ip('addr', 'add', `${address}/32`, 'dev', 'lo');
}

/** A namespace joined to the hub. */
export class Host {
    static count = 0;

    /** `nets`: { name: { hub, own, reach } }: the addresses of both ends,
     *  /24, and one of the hub's that is reached over this link. */
    static async start(nets) {
        const host = new Host();
        // lives as long as we do: its stdin ends with us
        host.keeper = spawn('unshare', ['--net', 'sh', '-c',
            'echo up; exec cat > /dev/null'],
        { stdio: ['pipe', 'pipe', 'inherit'] });
        await once(host.keeper.stdout, 'data');
        host.links = {};
        host.run('ip', 'link', 'set', 'lo', 'up');
        for (const [name, { hub, own, reach }] of Object.entries(nets)) {
            const here = `wa${Host.count++}`;
            const there = `${here}p`;
            ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there,
                'netns', String(host.keeper.pid));
            ip('addr', 'add', `${hub}/24`, 'dev', here);
            ip('link', 'set', here, 'up');
            host.run('ip', 'addr', 'add', `${own}/24`, 'dev', there);
            host.run('ip', 'link', 'set', there, 'up');
            host.run('ip', 'route', 'add', reach, 'via', hub);
            host.links[name] = here;
        }
        return host;
    }

    /** The command that runs `args` in the namespace. */
    inside(...args) {
        return ['nsenter', `--net=/proc/${this.keeper.pid}/ns/net`, ...args];
    }

    run(...args) {
        const [cmd, ...rest] = this.inside(...args);
        return execFileSync(cmd, rest, { encoding: 'utf8' });
    }

    cut(...names) {
        names.forEach(n => ip('link', 'set', this.links[n], 'down'));
    }

    heal() {
        Object.values(this.links).forEach(l => ip('link', 'set', l, 'up'));
    }

    close() {
        this.keeper.stdin.end();
        this.keeper.kill();
    }
}
