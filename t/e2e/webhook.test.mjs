// The account's own webhook: its body to the letter, changed without a touch
// of the connection, and where it may not lead.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';
import { numbers, Stage, until } from './lib/stage.mjs';
import { Hook, Wahub } from './lib/wahub.mjs';

let s, sim, w, hook, ann;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    hook = await new Hook().listen();
    ann = await s.env.person('ann', 0);
});

afterEach(() => s.checkClean());

after(async () => {
    hook.close();
    await s.close();
});

const put = (me, url) => w.api('PUT', `/api/accounts/${me.id}/webhook`,
    { webhook_url: url });

describe('the body', () => {
    it('of a received text, an echo and nothing else', async () => {
        const me = await s.me('body', { webhook_url: hook.url });
        const { id } = await ann.phone.sendText(me.account, 'to the hook');
        const body = await hook.wait(b => b.text === 'to the hook');
        const e = await w.received('to the hook');
        assert.deepEqual(body, {
            event: 'message', direction: 'inbound', account_id: me.id,
            message_id: id, timestamp: e.data.message.timestamp,
            from: `${ann.account.pn}@c.us`, to: `${me.account.pn}@c.us`,
            from_me: false, is_group: false, type: 'text',
            text: 'to the hook', media: null, event_id: e.id,
        });
        const own = await me.phone.sendText(ann.account, 'from my phone');
        const echo = await hook.wait(b => b.text === 'from my phone');
        const x = await w.events.wait(y => y.type === 'message.echo');
        assert.deepEqual(echo, {
            event: 'message', direction: 'outbound', account_id: me.id,
            message_id: own.id, timestamp: x.data.message.timestamp,
            from: `${me.account.pn}@c.us`, to: `${ann.account.pn}@c.us`,
            from_me: true, is_group: false, type: 'text',
            text: 'from my phone', media: null, event_id: x.id,
        });
        await s.sent(me, ann.account.pn, 'by the API');
        await s.arrived(ann, 'by the API');
        await ann.phone.sendText(me.account, 'last');
        await hook.wait(b => b.text === 'last');
        assert.deepEqual(hook.posts.map(p => p.body.text),
            ['to the hook', 'from my phone', 'last']);
    });

    it('comes within five seconds of a reconnect too', async () => {
        const me = await s.me('later', { webhook_url: hook.url });
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        await ann.phone.sendText(me.account, 'while stopped');
        await w.api('POST', `/api/accounts/${me.id}/start`);
        const body = await hook.wait(b => b.text === 'while stopped', 5000);
        assert.equal(body.account_id, me.id);
    });
});

describe('changes', () => {
    it('do not touch the connection', async () => {
        const me = await s.me('change', { webhook_url: hook.url });
        const other = await new Hook().listen();
        const { connected_at: at } = await w.account(me.id);
        const { link, logins } = me.device;
        let connections = 0;
        const note = () => connections++;
        sim.on('connection', note);
        assert.equal((await put(me, other.url)).webhook_url, other.url);
        await ann.phone.sendText(me.account, 'changed');
        await other.wait(b => b.text === 'changed');
        assert.equal((await put(me, null)).webhook_url, null);
        await ann.phone.sendText(me.account, 'removed');
        await w.received('removed');
        await put(me, hook.url);
        await ann.phone.sendText(me.account, 'back');
        await hook.wait(b => b.text === 'back');
        sim.off('connection', note);
        other.close();
        assert.deepEqual(other.posts.map(p => p.body.text), ['changed']);
        assert.equal(hook.posts.some(p => ['changed', 'removed']
            .includes(p.body.text)), false);
        assert.equal((await w.account(me.id)).connected_at, at);
        assert.equal(me.device.link, link);
        assert.equal(me.device.logins, logins);
        assert.equal(connections, 0);
    });
});

describe('receivers', () => {
    it('that fail, hang or redirect stop nothing', async () => {
        const me = await s.me('bad-hooks');
        const good = await s.me('good-hook', { webhook_url: hook.url });
        let redirected = 0;
        const servers = [
            createServer((req, res) => res.writeHead(500).end()),
            createServer(() => {}),
            createServer((req, res) => res.writeHead(302,
                { location: `${hook.url}/redirected` }).end()),
            createServer((req, res) => res.writeHead(200).write(
                'x'.repeat(1 << 20))),
            createServer((req, res) => req.socket.destroy()),
        ];
        for (const server of servers) {
            server.listen(0, '127.0.0.1');
            await once(server, 'listening');
            const reached = once(server, 'request');
            await put(me,
                `http://127.0.0.1:${server.address().port}/`);
            const text = `bad ${servers.indexOf(server)}`;
            await ann.phone.sendText(me.account, text);
            await reached;
            for (const t of numbers(text, 3)) {
                await ann.phone.sendText(good.account, t);
                await hook.wait(b => b.text === t, 3000);
            }
            await s.sent(me, ann.account.pn, `${text} sent`);
        }
        redirected = hook.posts.filter(p =>
            p.url.includes('redirected')).length;
        assert.equal(redirected, 0);
        for (const server of servers) {
            server.closeAllConnections();
            server.close();
        }
        assert.equal((await w.account(me.id)).state, 'READY');
    });
});

describe('forbidden places', () => {
    it('are refused unless the operator allows them', async () => {
        const strict = await new Wahub({ sim,
            env: { WAHUB_WEBHOOK_ALLOW: '' } }).start();
        try {
            const phone = sim.phone();
            const { id } = await strict.link(phone);
            const { port } = new URL(hook.url);
            const before = hook.posts.length;
            const bad = ['127.0.0.1', '[::1]', '10.1.2.3', '192.168.1.1',
                '172.16.0.1', '169.254.169.254', '100.64.0.1', '0.0.0.0',
                '[::ffff:127.0.0.1]', '[fd00::1]', '[fe80::1]',
                '[64:ff9b::7f00:1]', '2130706433', '0x7f.1', '127.1',
                '224.0.0.1', '255.255.255.255', '198.18.0.1'];
            for (const host of bad) {
                const url = `http://${host}:${port}/hook`;
                const r = await strict.request('PUT',
                    `/api/accounts/${id}/webhook`, { webhook_url: url });
                if (r.status === 200) {
                    // a name: refused when it is resolved
                    const refusals = () => strict.log()
                        .split(/not allowed|not found/).length;
                    const known = refusals();
                    await ann.phone.sendText(phone.account, `x ${host}`);
                    await until('the refusal', () => refusals() > known);
                } else {
                    assert.equal(r.status, 400, url);
                    assert.ok(['URL_NOT_ALLOWED', 'INVALID_URL'].includes(
                        r.json.error.code), `${url}: ${r.raw}`);
                }
            }
            for (const url of ['ftp://example.org/', 'http://', 'x',
                'http://user:pw@example.org/', 'file:///etc/passwd',
                'gopher://example.org:70/', 'http://exa mple.org/',
                'http://example.org:99999/', `http://a/${'x'.repeat(2048)}`]) {
                const r = await strict.request('PUT',
                    `/api/accounts/${id}/webhook`, { webhook_url: url });
                assert.equal(r.status, 400, url);
            }
            const made = await strict.request('POST', '/api/accounts',
                { name: 'x', webhook_url: hook.url });
            assert.equal(made.status, 400);
            const local = await strict.request('PUT',
                `/api/accounts/${id}/webhook`,
                { webhook_url: `http://localhost:${port}/hook` });
            assert.equal(local.status, 400);
            assert.equal(hook.posts.length, before);
        } finally {
            await strict.close();
        }
    });
});
