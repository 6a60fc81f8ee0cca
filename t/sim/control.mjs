// HTTP control of a simulator that runs as its own process. JSON in and out,
// loopback only; README.md lists the calls.
import http from 'node:http';
import { KNOBS } from './faults.mjs';

const MAX_BODY = 1 << 20;

function accountOf(sim, pn) {
    const account = sim.registry.byPn.get(String(pn));
    if (account === undefined) {
        throw new Error(`no account ${pn}`);
    }
    return account;
}

function deviceOf(sim, { pn, device }) {
    const d = accountOf(sim, pn).device(device);
    if (d === undefined) {
        throw new Error(`no device ${device} of ${pn}`);
    }
    return d;
}

function describe(account) {
    return {
        pn: account.pn, lid: account.lid, name: account.name,
        devices: [...account.devices.values()].map(d => ({
            id: d.id, os: d.os, online: d.link !== undefined,
            logins: d.logins ?? 0, prekeys: d.prekeys.size,
            queued: d.mailbox.entries.length,
        })),
    };
}

const CALLS = {
    'GET /state': sim => ({
        url: sim.url, root_key: sim.rootKeyHex, counters: sim.counters,
        violations: sim.violations.length,
        accounts: [...sim.registry.accounts()].map(describe),
    }),
    'GET /violations': sim => sim.violations,
    'POST /accounts': (sim, b) => describe(sim.phone(b).account),
    'POST /scan': async (sim, b) => {
        const phone = b.pn !== undefined && sim.registry.byPn.has(String(b.pn))
            ? accountOf(sim, b.pn).phone : sim.phone({ pn: b.pn,
                name: b.name });
        const device = await phone.scan(b.qr);
        return { pn: phone.account.pn, device: device.id };
    },
    'POST /send': async (sim, b) => {
        const { id, ack } = await accountOf(sim, b.from).phone.sendText(
            accountOf(sim, b.to), b.text);
        return { id, error: ack.attrs.error };
    },
    'POST /burst': async (sim, b) => {
        const { phone } = accountOf(sim, b.from);
        const to = accountOf(sim, b.to);
        const start = performance.now();
        for (let i = 0; i < b.count; i++) {
            const sent = phone.sendText(to, `${b.prefix ?? 'burst'} ${i}`);
            if (i % 64 === 63 || i === b.count - 1) {
                await sent;
            }
        }
        return { ms: Math.round(performance.now() - start) };
    },
    'POST /logout': (sim, b) => {
        sim.removeDevice(deviceOf(sim, b));
        return {};
    },
    'POST /stream-error': (sim, b) => {
        deviceOf(sim, b).link?.streamError({ code: b.code });
        return {};
    },
    'POST /faults': (sim, { pn, device, ...knobs }) => {
        const holder = pn === undefined ? sim
            : device === undefined ? accountOf(sim, pn)
                : deviceOf(sim, { pn, device });
        for (const [name, value] of Object.entries(knobs)) {
            if (!KNOBS.includes(name)) {
                throw new Error(`no knob ${name}`);
            }
            holder.faults[name] = value;
        }
        return holder.faults;
    },
};

async function readBody(request) {
    let text = '';
    for await (const chunk of request) {
        text += chunk;
        if (text.length > MAX_BODY) {
            throw new Error('body too large');
        }
    }
    return text === '' ? {} : JSON.parse(text);
}

/** Starts the control listener; resolves with the http.Server. */
export async function startControl(sim, port) {
    const server = http.createServer(async (request, response) => {
        const call = CALLS[`${request.method} ${request.url}`];
        let status = call === undefined ? 404 : 200;
        let body = { error: 'no such call' };
        if (call !== undefined) {
            try {
                body = await call(sim, await readBody(request));
            } catch (e) {
                status = 400;
                body = { error: e.message };
            }
        }
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body) + '\n');
    });
    await new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', resolve);
    });
    return server;
}
