// The simulator as a program:
//
//   node t/sim/main.mjs [--port N] [--tls KEY CERT] [--http-control PORT]
//       [--auto-scan --wahub-url URL --wahub-key-file FILE] [--chatty]
//       [--chatty-ms N] [--media] [--verbose]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { show } from './codec.mjs';
import { AutoScan } from './autoscan.mjs';
import { Contact } from './contact.mjs';
import { startControl } from './control.mjs';
import { WaSim } from './server.mjs';

const OPTIONS = {
    port: { type: 'string', default: '0' },
    tls: { type: 'string' },
    'http-control': { type: 'string' },
    'auto-scan': { type: 'boolean', default: false },
    'wahub-url': { type: 'string' },
    'wahub-key-file': { type: 'string' },
    chatty: { type: 'boolean', default: false },
    'chatty-ms': { type: 'string', default: '4000' },
    media: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
};
const USAGE = 'usage: main.mjs [--port N] [--tls KEY CERT] ' +
    '[--http-control PORT]\n  [--auto-scan --wahub-url URL ' +
    '--wahub-key-file FILE] [--chatty] [--chatty-ms N] [--media] ' +
    '[--verbose]';

function fail(text) {
    process.stderr.write(`sim: ${text}\n`);
    process.exit(2);
}

function say(text) {
    const time = new Date().toISOString().slice(11, 19);
    process.stdout.write(`${time}  ${text}\n`);
}

function readOptions() {
    let parsed;
    try {
        parsed = parseArgs({ options: OPTIONS, allowPositionals: true });
    } catch (e) {
        fail(`${e.message}\n${USAGE}`);
    }
    const { values, positionals } = parsed;
    if (values.help) {
        process.stdout.write(`${USAGE}\n`);
        process.exit(0);
    }
    if (positionals.length !== (values.tls === undefined ? 0 : 1)) {
        fail(USAGE);
    }
    if (values['auto-scan'] && (values['wahub-url'] === undefined
        || values['wahub-key-file'] === undefined)) {
        fail('--auto-scan needs --wahub-url and --wahub-key-file');
    }
    if (values.tls !== undefined) {
        values.tls = { key: readFileSync(values.tls),
            cert: readFileSync(positionals[0]) };
    }
    return values;
}

// libsignal prints sessions, keys included, when it replaces one
function quietLibrary() {
    createRequire(import.meta.url)('libsignal');
    console.info = () => {};
    console.warn = () => {};
    console.error = () => {};
}

function startChatter(sim, everyMs) {
    const contact = new Contact(sim, { everyMs });
    const { name } = contact.account;
    contact.on('sent', m => say(`${name} -> ${m.to.name}: ${m.text}`));
    contact.on('text', m => say(`${m.chat.name} -> ${name}: ` +
        (m.text ?? Object.keys(m.message ?? {}).join(' '))));
    sim.on('login', device => contact.chatWith(device.account));
    say(`${name} is +${contact.account.pn}; she answers what she gets`);
    return contact;
}

async function main() {
    const o = readOptions();
    quietLibrary();
    const sim = new WaSim({ port: Number(o.port), tls: o.tls, media: o.media,
        trace: o.verbose ? (c, way, s) => say(`${way} ${c.name} ${show(s)}`)
            : undefined });
    try {
        await sim.listen();
    } catch (e) {
        fail(`cannot listen on port ${o.port}: ${e.code}`);
    }
    say(`simulated WhatsApp at ${sim.url}`);
    if (o.media) {
        say(`media servers at ${sim.media.host}`);
        say(`media certificate ${sim.media.ca}`);
        sim.on('upload', f => say(`${f.kind} of ${f.size} bytes is uploaded`));
    }
    say(`root key ${sim.rootKeyHex}`);
    sim.on('login', d => say(`${d} has logged in`));
    sim.on('unlinked', d => say(`${d} was unlinked`));
    sim.on('disconnect', c => c.device
        && say(`${c.name} has gone${c.why ? ` (${c.why})` : ''}`));
    sim.on('violation', v => say(`VIOLATION ${v.kind}: ${v.text}` +
        (v.stanza ? `\n          ${v.stanza}` : '')));
    const control = o['http-control'] === undefined ? undefined
        : await startControl(sim, Number(o['http-control']));
    if (control !== undefined) {
        say(`control at http://127.0.0.1:${control.address().port}/state`);
    }
    const contact = o.chatty ? startChatter(sim, Number(o['chatty-ms']))
        : undefined;
    const scanner = o['auto-scan'] ? new AutoScan(sim, { say,
        url: o['wahub-url'], keyFile: o['wahub-key-file'] }).start()
        : undefined;
    const stop = () => {
        contact?.stop();
        scanner?.stop();
        control?.close();
        control?.closeAllConnections();
        sim.close().then(() => process.exit(0));
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
}

await main();
