// Calls, profiles and contacts: what wahub tells of them and does; the same
// with Baileys in its place is control_people.test.mjs.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { placeCall } from '../sim/calls.mjs';
import { giveToken, timelock } from '../sim/identity.mjs';
import { changeAbout, changePicture } from '../sim/profile.mjs';
import { jpegSize } from '../sim/picture.mjs';
import { eventErrors } from './lib/event_schema.mjs';
import { png } from './lib/png.mjs';
import { Stage, until } from './lib/stage.mjs';

let stage, sim, w, me, bob, cat, other;

before(async () => {
    stage = await Stage.start({ sim: { devicesForm: 'lid' } });
    ({ sim, w } = stage);
    [bob, cat] = await Promise.all(['bob', 'cat'].map(n =>
        stage.env.person(n, 0)));
    me = await stage.me('me');
    await stage.settled(me);
});

afterEach(() => stage.env.checkClean());

after(() => stage?.close());

const called = (call, status) => w.events.wait(e => e.type === 'call'
    && e.data.call.id === call.id && e.data.call.status === status,
`${status} of a call`).then(e => e.data.call);

const logged = async (call, status) => until(`${status} in the log`,
    async () => {
        const r = await w.api('GET', '/api/calls?limit=100');
        return r.data.find(c => c.id === call.id
            && c.status === status);
    });

describe('a call', () => {
    it('that nobody answers is missed', async () => {
        const call = placeCall(bob.phone, me.account, { video: true });
        const offer = await called(call, 'offer');
        assert.deepEqual(offer, { id: call.id, account_id: me.id,
            from_jid: bob.pn, from_lid: bob.lid, group_jid: null,
            from_me: false, is_group: false, is_video: true,
            status: 'offer', timestamp: offer.timestamp, duration: null,
            is_missed: false, participants: [] });
        assert.ok(Math.abs(offer.timestamp - Date.now() / 1000) < 60);
        call.wiring();
        call.timeout();
        const end = await called(call, 'timeout');
        assert.deepEqual(end, { ...offer, status: 'timeout',
            is_missed: true });
        assert.deepEqual(await logged(call, 'timeout'), end);
        await stage.env.drained(me.device);
    });

    it('that the phone takes lasts until it is hung up', async () => {
        const call = placeCall(bob.phone, me.account, { form: 'pn' });
        await called(call, 'offer');
        call.elsewhere('accept');
        assert.equal((await called(call, 'accept')).is_missed, false);
        call.hangUp(Math.floor(Date.now() / 1000) + 65);
        const { duration, is_missed: missed, from_jid: from } =
            await called(call, 'terminate');
        assert.ok(duration >= 60 && duration <= 66, `${duration} s`);
        assert.equal(missed, false);
        assert.equal(from, bob.pn);
    });

    it('that the phone refuses is not missed', async () => {
        const call = placeCall(bob.phone, me.account);
        await called(call, 'offer');
        call.elsewhere('reject');
        assert.equal((await called(call, 'reject')).is_missed, false);
        await stage.env.drained(me.device);
    });

    it('of a group tells who is asked to it', async () => {
        const made = await w.request('POST', '/api/groups',
            { subject: 'callers', participants: [bob.pn, cat.pn] });
        assert.equal(made.status, 201, made.raw.toString());
        const call = placeCall(bob.phone, me.account,
            { group: sim.groups.get(made.json.jid) });
        const offer = await called(call, 'offer');
        assert.equal(offer.is_group, true);
        assert.equal(offer.group_jid, made.json.jid);
        assert.equal(offer.from_jid, bob.pn);
        assert.deepEqual(offer.participants.sort(),
            [me, bob, cat].map(p => p.pn).sort());
        // one person's no is not the end of it
        call.tell(me.account, 'reject', { from: cat.lid });
        call.timeout();
        assert.equal((await called(call, 'timeout')).is_missed, true);
        await stage.env.drained(me.device);
        assert.ok(!w.events.of('call').some(e => e.data.call.id === call.id
            && e.data.call.status === 'reject'));
    });

    it('that comes twice is told once', async () => {
        const call = placeCall(cat.phone, me.account);
        await called(call, 'offer');
        call.offer();
        call.timeout();
        call.timeout();
        await called(call, 'timeout');
        await stage.env.drained(me.device);
        assert.deepEqual(w.events.of('call').filter(e =>
            e.data.call.id === call.id).map(e => e.data.call.status),
        ['offer', 'timeout']);
    });

    it('is refused when somebody asks', async () => {
        const call = placeCall(bob.phone, me.account);
        await called(call, 'offer');
        const refused = sim.next('call-reject');
        const r = await w.request('POST', `/api/calls/${call.id}/reject`,
            { text: 'not now' });
        assert.equal(r.status, 200, r.raw.toString());
        assert.equal(r.json.data.status, 'reject');
        assert.equal((await refused)[1], me.device);
        await called(call, 'reject');
        await stage.arrived(bob, 'not now');
        const again = await w.request('POST', `/api/calls/${call.id}/reject`);
        assert.equal(again.status, 409);
        assert.equal(again.json.error_code, 'INVALID_STATE');
        const none = await w.request('POST', '/api/calls/nobody/reject');
        assert.equal(none.status, 404);
        assert.equal(none.json.error_code, 'RESOURCE_NOT_FOUND');
    });

    it('is listed by person and time', async () => {
        const list = query => w.api('GET', `/api/calls?${query}`);
        await until('both callers in the log', async () =>
            (await list('limit=1')).total >= 6);
        const { data, total } = await list(`jid=${cat.account.pn}`);
        assert.equal(total, 1);
        assert.equal(data[0].from_jid, cat.pn);
        assert.equal((await list(`jid=${bob.lid}`)).total, 5);
        assert.equal((await list('after=99999999999')).total, 0);
        assert.equal((await list('before=1')).total, 0);
    });
});

describe('an account that takes no calls', () => {
    before(async () => {
        const r = await w.request('PATCH', `/api/accounts/${me.id}`,
            { reject_calls: true, reject_calls_text: 'please write' });
        assert.equal(r.status, 200, r.raw.toString());
        assert.equal(r.json.reject_calls, true);
        assert.equal(r.json.reject_calls_text, 'please write');
    });

    it('refuses them and says why, once', async () => {
        for (let i = 0; i < 2; i++) {
            const refused = sim.next('call-reject');
            const call = placeCall(cat.phone, me.account);
            await refused;
            await called(call, 'reject');
        }
        await stage.arrived(cat, 'please write');
        await stage.env.drained(me.device);
        await stage.sent(me, cat.pn, 'after the calls');
        await stage.arrived(cat, 'after the calls');
        assert.equal(cat.inbox.filter(m => m.text === 'please write').length,
            1);
    });

    it('leaves alone a call of some time ago', async () => {
        const call = placeCall(bob.phone, me.account,
            { t: Math.floor(Date.now() / 1000) - 120 });
        await called(call, 'offer');
        call.hangUp();
        await called(call, 'terminate');
        assert.deepEqual(call.rejections, []);
    });

    it('can have this back', async () => {
        const r = await w.request('PATCH', `/api/accounts/${me.id}`,
            { reject_calls: false, reject_calls_text: null });
        assert.equal(r.json.reject_calls, false);
        assert.equal(r.json.reject_calls_text, null);
    });
});

describe('a person', () => {
    const about = async person => {
        const r = await w.request('GET',
            `/api/contacts/${person.account.pn}/about`);
        assert.equal(r.status, 200, r.raw.toString());
        return r.json.data;
    };
    const updated = member => w.events.wait(e => e.type === 'contact.updated'
        && e.data.contact.jid === bob.pn && member in e.data.contact, member)
        .then(e => e.data.contact);

    it('says something about itself', async () => {
        bob.account.about = { text: 'busy', t: 1700000000 };
        assert.deepEqual(await about(bob), { jid: bob.pn, lid: bob.lid,
            about: 'busy', set_at: '2023-11-14T22:13:20.000Z',
            hidden: false });
        assert.equal((await updated('status_text')).status_text, 'busy');
        await until('it is in the list', async () => {
            const r = await w.request('GET',
                `/api/contacts/${bob.account.pn}`);
            return r.json.status_text === 'busy';
        });
    });

    it('may show it only to those it trusts', async () => {
        bob.account.hides = true;
        assert.deepEqual(await about(bob), { jid: bob.pn, lid: bob.lid,
            about: null, set_at: null, hidden: true });
        await giveToken(sim, bob.account, me.account,
            { device: me.device });
        assert.equal((await about(bob)).about, 'busy');
        delete bob.account.hides;
    });

    it('changes', async () => {
        const next = test => w.events.wait(e => e.type === 'contact.updated'
            && e.data.contact.jid === bob.pn && test(e.data.contact),
        String(test)).then(e => e.data.contact);
        changeAbout(bob.account, 'on holiday');
        changePicture(bob.account, '1700000001');
        await next(c => c.status_text === 'on holiday');
        const picture = await next(c => c.picture_id === '1700000001');
        assert.equal(picture.profile_pic_url, null);
        changePicture(bob.account);
        await next(c => c.picture_id === null);
        await stage.env.drained(me.device);
    });

    it('has a picture, or shows it to some only', async () => {
        const ask = (query = '') => w.api('GET',
            `/api/contacts/${cat.account.pn}/profile-pic${query}`);
        assert.deepEqual(await ask(), { url: null, id: null, hidden: false });
        cat.account.picture = { id: '1700000002' };
        const url = 'https://pps.whatsapp.net/v/1700000002-preview.jpg';
        assert.deepEqual(await ask(), { url, id: '1700000002',
            hidden: false });
        assert.match((await ask('?size=image')).url, /-image\.jpg$/);
        await until('it is in the list', async () => {
            const r = await w.request('GET',
                `/api/contacts/${cat.account.pn}`);
            return r.json.profile_pic_url === url;
        });
        cat.account.hides = true;
        assert.deepEqual(await ask(), { url: null, id: null, hidden: true });
        await giveToken(sim, cat.account, me.account,
            { device: me.device });
        assert.equal((await ask()).url, url);
        delete cat.account.hides;
        const odd = await w.request('GET',
            `/api/contacts/${cat.account.pn}/profile-pic?size=huge`);
        assert.equal(odd.status, 400);
    });

    it('may be a business', async () => {
        const ask = async () => (await w.api('GET',
            `/api/contacts/${cat.account.pn}/business`)).data;
        assert.equal(await ask(), null);
        cat.account.business = { name: 'Cat', description: 'all sorts',
            address: 'Street 1', email: 'cat@example.com',
            websites: ['https://example.com', 'https://example.org'],
            categories: ['Shop'], hours: { timezone: 'Europe/Berlin',
                days: [{ day_of_week: 'mon', mode: 'specific_hours',
                    open_time: '540', close_time: '1020' }] } };
        assert.deepEqual(await ask(), { jid: cat.pn,
            description: 'all sorts', address: 'Street 1',
            email: 'cat@example.com', websites: ['https://example.com',
                'https://example.org'], categories: ['Shop'],
            hours: { timezone: 'Europe/Berlin', days: [{ day: 'mon',
                mode: 'specific_hours', open: '540', close: '1020' }] },
            profile_options: null });
        delete cat.account.business;
    });

    it('goes by the id of the contact, which says the account', async () => {
        other = await stage.me('other');
        await stage.settled(other);
        const { id } = await w.api('GET',
            `/api/contacts/${bob.account.pn}?account=${me.id}`);
        assert.equal(id, `${me.id}:${bob.pn}`);
        const asked = [];
        const note = conn => asked.push(conn.device);
        sim.on('usync', note);
        const of = `${other.id}:${bob.pn}`;
        for (const [path, device] of [[id, me.device],
            [of, other.device], [`${of}?account=${other.id}`, other.device]]) {
            const [at, query = ''] = path.split('?');
            asked.length = 0;
            const r = await w.request('GET',
                `/api/contacts/${at}/about?${query}`);
            assert.equal(r.status, 200, r.raw.toString());
            assert.equal(r.json.data.jid, bob.pn);
            assert.ok(asked.length > 0 && asked.every(d => d === device));
        }
        sim.off('usync', note);
        for (const path of ['profile-pic', 'business']) {
            const r = await w.request('GET', `/api/contacts/${of}/${path}`);
            assert.equal(r.status, 200, r.raw.toString());
        }
        const two = await w.request('GET',
            `/api/contacts/${of}/about?account=${me.id}`);
        assert.deepEqual([two.status, two.json.error_code],
            [404, 'CONTACT_NOT_FOUND']);
        const none = await w.request('GET',
            `/api/contacts/${of.replace(/^......../, '00000000')}/about`);
        assert.deepEqual([none.status, none.json.error_code],
            [404, 'ACCOUNT_NOT_FOUND']);
    });

    it('is one, and no group', async () => {
        for (const path of ['about', 'business', 'profile-pic']) {
            const r = await w.request('GET', `/api/contacts/1-2@g.us/${path}`);
            assert.equal(r.status, 400);
            assert.equal(r.json.error_code, 'INVALID_RECIPIENT');
        }
    });
});

describe('a group that only another account is in', () => {
    it('is read by that one', async () => {
        const far = sim.groups.create({ creator: bob.account, mode: 'lid',
            subject: 'far', members: [other, cat].map(m => m.account) });
        await bob.phone.groups.send(far, { conversation: 'in the far one' });
        await until('it is in the list', async () =>
            (await w.api('GET', '/api/groups')).data.some(g =>
                g.jid === far.jid));
        for (const path of ['', '/metadata']) {
            const r = await w.request('GET', `/api/groups/${far.jid}${path}`);
            assert.equal(r.status, 200, r.raw.toString());
            assert.equal(path === '' ? r.json.account_id : r.json.id,
                path === '' ? other.id : far.jid);
        }
        const mine = await w.request('GET',
            `/api/groups/${far.jid}?account=${me.id}`);
        assert.equal(mine.json.error.details.provider_code, 403,
            mine.raw.toString());
        const none = await w.request('GET', '/api/groups/120363999@g.us');
        assert.equal(none.status, 404, none.raw.toString());
    });

    it('is read while the default account is stopped', async () => {
        const far = (await w.api('GET', '/api/groups?search=far')).data[0];
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        const asked = await Promise.all(['', '/metadata'].map(path =>
            w.request('GET', `/api/groups/${far.jid}${path}`)));
        const none = await w.request('GET', '/api/groups/120363999@g.us');
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await w.state(me.id, 'READY');
        assert.deepEqual(asked.map(r => r.status), [200, 200]);
        assert.equal(none.status, 409, none.raw.toString());
        assert.equal(none.json.error.code, 'ACCOUNT_NOT_READY');
    });
});

describe('the account', () => {
    it('says something about itself', async () => {
        const set = await w.request('PATCH', '/api/profile',
            { about: 'at work' });
        assert.deepEqual([set.status, set.json], [200, { success: true }]);
        assert.equal(me.account.about.text, 'at work');
        assert.deepEqual(me.account.shownAbout,
            { text: 'at work', ephemeral_duration_sec: 0 });
        const { data } = await w.api('GET', '/api/profile');
        assert.equal(data.about, 'at work');
        assert.equal(data.jid, me.pn);
        assert.equal(data.lid, me.lid);
        assert.equal(data.profile_pic_url, null);
        const long = await w.request('PATCH', '/api/profile',
            { about: 'x'.repeat(140) });
        assert.equal(long.status, 400);
        assert.equal((await w.request('PATCH', '/api/profile', {})).status,
            400);
    });

    it('says nothing, and says it to an older server', async () => {
        const say = async about => assert.equal((await w.request('PATCH',
            '/api/profile', { about })).status, 200);
        await say('');
        assert.equal(me.account.about.text, '');
        assert.equal(me.account.shownAbout.text, null);
        me.account.noShownAbout = true;
        await say('at home');
        assert.equal(me.account.about.text, 'at home');
        assert.equal(me.account.shownAbout.text, null);
        delete me.account.noShownAbout;
    });

    it("is set by reference 001's row", async () => {
        const put = status => w.request('PUT', '/api/actions/profile-status',
            { status });
        const set = await put('x'.repeat(139));
        assert.deepEqual([set.status, set.json], [200, { success: true }]);
        assert.equal(me.account.about.text, 'x'.repeat(139));
        for (const bad of [undefined, '', 5, 'x'.repeat(140)]) {
            const r = await put(bad);
            assert.equal(r.status, 400);
            assert.equal(r.json.error_code, 'VALIDATION_ERROR');
            assert.match(r.json.error.details.fields[0].field,
                /^(status|about)$/);
        }
    });
});

describe('the name of the account', () => {
    it('is changed for all its devices', async () => {
        const r = await w.request('PATCH', '/api/profile',
            { name: 'New name', about: 'with a new name' });
        assert.deepEqual([r.status, r.json], [200, { success: true }]);
        assert.equal(me.account.about.text, 'with a new name');
        await until('it is shown', async () =>
            (await w.account(me.id)).push_name === 'New name');
    });
});

describe('the picture of the account', () => {
    const put = image => w.request('PUT', '/api/profile/picture', { image });

    it('is cut square, set, shown and taken away', async () => {
        const r = await put(png(900, 700).toString('base64'));
        assert.equal(r.status, 200, r.raw.toString());
        const { picture } = me.account;
        assert.equal(r.json.id, picture.id);
        assert.deepEqual(jpegSize(picture.bytes), [640, 640]);
        const { data } = await w.api('GET', '/api/profile');
        assert.equal(data.picture_id, picture.id);
        assert.match(data.profile_pic_url, /^https:/);
        const gone = await w.request('DELETE', '/api/profile/picture');
        assert.equal(gone.status, 200);
        assert.equal(gone.json.success, true);
        assert.equal(gone.json.message, 'Picture removed');
        assert.equal(me.account.picture, undefined);
    });

    it('is a picture', async () => {
        const r = await put(Buffer.from('no picture').toString('base64'));
        assert.equal(r.status, 400);
        assert.equal(r.json.error_code, 'INVALID_MEDIA');
        assert.equal((await w.request('PUT', '/api/profile/picture', {}))
            .status, 400);
    });
});

describe('numbers', () => {
    const check = async phones => {
        const r = await w.request('POST', '/api/contacts/check', { phones });
        assert.equal(r.status, 200, r.raw.toString());
        return r.json.data;
    };

    it('are looked up: who is there, and under which address', async () => {
        await bob.phone.sendText(me.account, 'we know each other');
        await w.events.wait(e => e.type === 'message.received'
            && e.data.message.body === 'we know each other');
        bob.account.business = { name: 'Bob & Co' };
        bob.account.username = 'bob.co';
        const [b, none, bad, c] = await check([`+${bob.account.pn}`,
            '+1 (555) 000-9999', 'nobody', cat.account.pn]);
        assert.deepEqual(b, { input: `+${bob.account.pn}`, exists: true,
            jid: bob.pn, lid: bob.lid, is_business: true,
            verified_name: 'Bob & Co', username: 'bob.co',
            reachable: 'warm' });
        assert.deepEqual(none, { input: '+1 (555) 000-9999', exists: false,
            jid: null, lid: null, is_business: false, verified_name: null,
            username: null, reachable: null });
        assert.equal(bad.exists, false);
        assert.equal(c.is_business, false);
        assert.equal(c.lid, cat.lid);
        delete bob.account.business;
        delete bob.account.username;
        await until('the contact is a business in the list', async () => {
            const { json } = await w.request('GET',
                `/api/contacts/${bob.account.pn}?account=${me.id}`);
            return json.is_business && json.verified_name === 'Bob & Co'
                && json.username === 'bob.co';
        });
    });

    it('may be given as the LID of somebody who is known', async () => {
        const [l, none, p] = await check([bob.lid, '999999999999@lid',
            bob.pn]);
        assert.deepEqual(l, { ...p, input: bob.lid });
        assert.deepEqual([l.exists, l.jid, l.lid, l.reachable],
            [true, bob.pn, bob.lid, 'warm']);
        assert.deepEqual([none.exists, none.jid, none.lid],
            [false, null, null]);
    });

    it('of strangers are cold', async () => {
        const dan = await stage.env.person('dan', 0);
        const reach = async () =>
            (await check([dan.account.pn]))[0].reachable;
        const restricted = on => w.events.wait(e => e.account_id === me.id
            && e.type === `account.restricted${on ? '' : '_cleared'}`);
        assert.equal(await reach(), 'cold');
        timelock(sim, me.account, true, Math.floor(Date.now() / 1000) + 60);
        await restricted(true);
        assert.equal(await reach(), 'limited');
        timelock(sim, me.account, false);
        await restricted(false);
        assert.equal(await reach(), 'cold');
    });

    it('that are asked for together go in one question', async () => {
        const asked = [];
        const note = (conn, users, tags) => conn.device === me.device
            && tags.includes('contact') && asked.push(users.length);
        sim.on('usync', note);
        await Promise.all([bob, cat, bob, cat, bob, cat].map(p =>
            check([p.account.pn])));
        sim.off('usync', note);
        assert.equal(asked.reduce((x, y) => x + y, 0), 6);
        assert.ok(asked.length <= 3, `${asked.length} questions`);
    });

    it('are left alone when WhatsApp says so', async () => {
        me.account.faults.usyncLimit = 90;
        const ask = () => w.request('POST', '/api/contacts/check',
            { phones: [bob.account.pn] });
        const first = await ask();
        delete me.account.faults.usyncLimit;
        assert.equal(first.status, 429, first.raw.toString());
        let asked = 0;
        const note = conn => conn.device === me.device && asked++;
        sim.on('usync', note);
        const second = await ask();
        sim.off('usync', note);
        assert.equal(second.status, 429);
        const { retry_after: later } = second.json.error.details;
        assert.ok(later > 60 && later <= 90, `${later} s`);
        assert.equal(second.headers.get('retry-after'), String(later));
        assert.equal(asked, 0);
    });

    it('are 1 to 50', async () => {
        for (const phones of [[], Array(51).fill('1'), 'x', [7]]) {
            const r = await w.request('POST', '/api/contacts/check',
                { phones });
            assert.equal(r.status, 400);
        }
    });
});

describe('events of people and calls', () => {
    it('are as the contract has them', () => {
        const mine = w.events.all.filter(e => ['call', 'contact.updated']
            .includes(e.type));
        assert.ok(mine.length > 10);
        assert.deepEqual(mine.map(eventErrors).filter(e => e !== ''), []);
    });
});
