// The simulator as a program: control calls, scanning through wahub's API
// (played by a small HTTP server here), the chatty contact, and wss.
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeClient } from './lib/baileys_client.mjs';
import { SimEnv } from './lib/sim_env.mjs';

const MAIN = fileURLToPath(new URL('../sim/main.mjs', import.meta.url));

/** Starts the program; `line(re)` resolves with the match in its output. */
function startProgram(args) {
    const child = spawn(process.execPath, [MAIN, '--port', '0', ...args],
        { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    const waiting = new Set();
    child.stdout.on('data', d => {
        output += d;
        waiting.forEach(check => check());
    });
    const line = re => new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(
            `no ${re} in:\n${output}`)), 15000);
        const check = () => {
            const m = re.exec(output);
            if (m !== null) {
                clearTimeout(timer);
                waiting.delete(check);
                resolve(m);
            }
        };
        waiting.add(check);
        check();
    });
    const stop = async () => {
        if (child.exitCode === null) {
            child.kill('SIGTERM');
            await once(child, 'exit');
        }
        return child.exitCode;
    };
    return { line, stop, output: () => output };
}

async function call(base, method, route, body) {
    const reply = await fetch(base + route, { method,
        body: body && JSON.stringify(body) });
    return { status: reply.status, body: await reply.json() };
}

describe('the program', () => {
    it('is steered by control calls', async () => {
        const p = startProgram(['--http-control', '0']);
        const client = makeClient({ url: '' });
        try {
            const base = (await p.line(/(http:\S+)\/state/))[1];
            await p.line(/root key [0-9a-f]{64}\n/);
            client.url = (await p.line(/(ws:\S+)/))[1];
            client.start();
            const linked = await call(base, 'POST', '/scan',
                { qr: await client.waitQr(), pn: '15557770001' });
            assert.deepEqual(linked, { status: 200,
                body: { pn: '15557770001', device: 1 } });
            await client.waitOpen();
            const { body: friend } = await call(base, 'POST', '/accounts',
                { name: 'Friend' });
            await call(base, 'POST', '/send', { from: friend.pn,
                to: '15557770001', text: 'by control' });
            await client.waitText('by control');
            await call(base, 'POST', '/burst', { from: friend.pn,
                to: '15557770001', count: 20 });
            await client.waitText('burst 19');
            const { body: state } = await call(base, 'GET', '/state');
            assert.equal(state.accounts[0].devices[1].online, true);
            assert.equal((await call(base, 'POST', '/faults',
                { nonsense: 1 })).status, 400);
            assert.equal((await call(base, 'GET', '/nothing')).status, 404);
            await call(base, 'POST', '/logout', { pn: '15557770001',
                device: 1 });
            await client.waitClose(401);
        } finally {
            await client.close();
            assert.equal(await p.stop(), 0);
        }
    });

    it('scans what wahub shows and chats', async () => {
        const dir = mkdtempSync(path.join(tmpdir(), 'wahub-scan-'));
        const keyFile = path.join(dir, 'api.key');
        writeFileSync(keyFile, 'secret\n');
        const client = makeClient({ url: '' });
        const asked = [];
        const wahub = http.createServer((request, response) => {
            asked.push([request.url, request.headers['x-api-key']]);
            response.end(JSON.stringify([{ id: 'one', name: 'one',
                state: client.open ? 'READY' : 'QR', qr: client.qr }]));
        });
        wahub.listen(0, '127.0.0.1');
        await once(wahub, 'listening');
        const p = startProgram(['--auto-scan', '--wahub-url',
            `http://127.0.0.1:${wahub.address().port}`, '--wahub-key-file',
            keyFile, '--chatty', '--chatty-ms', '300']);
        try {
            client.url = (await p.line(/(ws:\S+)/))[1];
            client.start();
            await client.waitOpen();
            const m = await client.wait('message', x => x.text,
                client.messages);
            await client.sendText(m.chat, 'ping');
            await client.waitText('You said: ping');
            await p.line(/account "one" is linked as /);
            await p.line(/Phone of one -> Chatty Carla: ping/);
            assert.deepEqual(asked[0], ['/api/accounts', 'secret']);
        } finally {
            await client.close();
            await p.stop();
            wahub.close();
            wahub.closeAllConnections();
            rmSync(dir, { recursive: true });
        }
    });

    it('refuses a key file without an address', async () => {
        const child = spawn(process.execPath, [MAIN, '--auto-scan'],
            { stdio: 'ignore' });
        const [code] = await once(child, 'exit');
        assert.equal(code, 2);
    });
});

describe('wss', () => {
    it('carries a linked client', async () => {
        const dir = mkdtempSync(path.join(tmpdir(), 'wahub-tls-'));
        const [key, cert] = ['key.pem', 'cert.pem'].map(f => path.join(dir, f));
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
            '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1',
            '-keyout', key, '-out', cert], { stdio: 'ignore' });
        const tls = { key: readFileSync(key), cert: readFileSync(cert) };
        rmSync(dir, { recursive: true });
        const env = await SimEnv.start({ tls });
        try {
            assert.match(env.sim.url, /^wss:/);
            const a = await env.person('tls', 1, { socketOptions:
                { agent: new https.Agent({ ca: tls.cert }) } });
            const b = await env.person('phone', 0);
            await a.client.sendText(b.lid, 'over tls');
            await env.phoneText(b, 'over tls');
            env.checkClean();
        } finally {
            await env.stop();
        }
    });
});
