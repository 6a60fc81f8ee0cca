// Previews of links: what the page tells about itself goes with the text.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { Stage } from './lib/stage.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUl' +
    'EQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

let stage, w, me, you, server, base;
const pages = new Map();
const requests = [];

before(async () => {
    server = http.createServer((req, res) => {
        requests.push(req.url);
        const page = pages.get(req.url);
        if (typeof page === 'function') {
            page(res);
        } else {
            res.writeHead(page === undefined ? 404 : 200, { 'content-type':
                'text/html' }).end(page ?? 'none');
        }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${server.address().port}`;
    stage = await Stage.start();
    ({ w } = stage);
    me = await stage.me('me');
    you = await stage.env.person('you');
});

afterEach(() => stage.env.checkClean());

after(async () => {
    await stage?.close();
    server?.closeAllConnections();
    server?.close();
});

async function sent(text, more = { link_preview: true }) {
    const r = await w.send(me.id, you.lid, text, more);
    assert.equal(r.status, 201, r.raw.toString());
    const m = await you.client.wait('message', x =>
        x.id === r.json.message_id, you.client.messages);
    const ext = m.raw.message.extendedTextMessage;
    assert.equal(ext?.text ?? m.raw.message.conversation, text);
    return ext;
}

const none = ext => assert.ok(!ext?.matchedText && !ext?.title
    && !ext?.jpegThumbnail?.length);

describe('link previews', () => {
    it('have title, description and picture', async () => {
        pages.set('/page', `<html><head><title>less</title>
            <meta property="og:title" content="News &amp; more">
            <meta property="og:description" content="What happened">
            <meta property="og:image" content="${base}/picture.png">`);
        pages.set('/picture.png', PNG);
        const ext = await sent(`look: ${base}/page.`);
        assert.equal(ext.matchedText, `${base}/page`);
        assert.equal(ext.title, 'News & more');
        assert.equal(ext.description, 'What happened');
        assert.deepEqual([...ext.jpegThumbnail.subarray(0, 2)], [0xff, 0xd8]);
    });

    it('are made of what there is', async () => {
        pages.set('/bare', '<title>Only a title</title>');
        const ext = await sent(`${base}/bare`);
        assert.equal(ext.title, 'Only a title');
        assert.ok(!ext.description);
        pages.set('/long', `<title>Long</title>${'<p>x</p>'.repeat(200000)}`);
        assert.equal((await sent(`${base}/long`)).title, 'Long');
        pages.set('/moved', res => res.writeHead(302, { location: '/bare' })
            .end());
        const moved = await sent(`${base}/moved`);
        assert.equal(moved.title, 'Only a title');
        assert.equal(moved.matchedText, `${base}/moved`);
    });

    it('are made on request only', async () => {
        const n = requests.length;
        none(await sent(`${base}/bare`, {}));
        none(await sent(`no link`));
        none(await sent(`${base}/bare`, { link_preview: false }));
        assert.equal(requests.length, n);
        const r = await w.send(me.id, you.lid, 'x', { link_preview: 'yes' });
        assert.equal(r.status, 400);
    });

    it('hold no message up that has none', async () => {
        pages.set('/broken', res => {
            res.writeHead(200).write('x');
            setImmediate(() => res.destroy());
        });
        pages.set('/text', 'nothing here');
        for (const path of ['/none', '/broken', '/text']) {
            none(await sent(`${base}${path}`));
        }
        none(await sent('http://127.0.0.1:1/'));
    });

    it('are not fetched from where wahub may not call', async () => {
        const n = requests.length;
        none(await sent('http://10.0.0.1/'));
        none(await sent(`http://[::1]:${server.address().port}/bare`));
        pages.set('/away', res => res.writeHead(302, { location:
            `http://[::1]:${server.address().port}/bare` }).end());
        none(await sent(`${base}/away`));
        pages.set('/image', `<title>T</title><meta property="og:image"
            content="http://[::1]:${server.address().port}/picture.png">`);
        const ext = await sent(`${base}/image`);
        assert.equal(ext.title, 'T');
        assert.ok(!ext.jpegThumbnail?.length);
        assert.deepEqual(requests.slice(n), ['/away', '/image']);
    });
});
