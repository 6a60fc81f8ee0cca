// Baileys as an application uses it, with credentials in memory, as a process
// of its own.
import { BaileysClient } from '../../e2e/lib/baileys_client.mjs';
import { parallel, serve } from './remote.mjs';

const clients = [];
let echo = false;
let url;

/** Does not keep what it got: only the client itself is measured. */
class LeanClient extends BaileysClient {
    listen(sock) {
        sock.ev.on('creds.update', u => Object.assign(this.creds, u));
        sock.ev.on('connection.update', u => this.onConnection(sock, u));
        sock.ev.on('messages.upsert', ({ messages }) =>
            messages.forEach(m => this.onText(m)));
    }

    onText(m) {
        const text = m.message?.conversation
            ?? m.message?.extendedTextMessage?.text;
        if (echo && !m.key.fromMe && text !== undefined) {
            this.sock.sendMessage(m.key.remoteJid, { text: `re: ${text}` });
        }
    }
}

serve({
    start(simUrl) {
        url = simUrl;
    },

    /** A new client, up to its QR. */
    async open() {
        const client = new LeanClient({ url, name: `b${clients.length}` });
        clients.push(client);
        client.start();
        return client.waitQr();
    },

    async waitOpen(i) {
        await clients[i].waitOpen();
    },

    async closeAll() {
        await Promise.all(clients.map(c => c.close()));
        await parallel(clients.length, clients.length, async i => {
            if (clients[i].open) {
                await clients[i].wait('close');
            }
        });
    },

    async openAll() {
        await parallel(clients.length, clients.length, i =>
            clients[i].start().waitOpen(60000));
    },

    collect() {
        global.gc();
        global.gc();
    },

    async send({ to, count, width }) {
        const jid = `${to}@s.whatsapp.net`;
        const start = performance.now();
        await parallel(count, width, i =>
            clients[0].sock.sendMessage(jid, { text: `text ${i}` }));
        return performance.now() - start;
    },

    setEcho(on) {
        echo = on;
    },
});
