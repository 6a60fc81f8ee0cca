// Calls: signalling between phones and the devices of who is called. No
// media: the simulator knows who rang, answered, refused and hung up.
//
//   const call = placeCall(caller, callee.account, { video: true });
//   call.ring(); call.accept(); call.hangUp(); call.timeout();
//   sim.on('call-reject', (call, device) => ...)
import { child, children, node, parseJid, SERVER, show } from './codec.mjs';
import { randomBytes } from './keys.mjs';

const now = () => Math.floor(Date.now() / 1000);

export class Call {
    /** `caller` is a Phone, `account` who is called; `group` a Group. */
    constructor(caller, account, { video = false, group, form = 'lid' } = {}) {
        this.sim = caller.sim;
        this.caller = caller;
        this.account = account;
        this.video = video;
        this.group = group;
        this.id = randomBytes(16).toString('hex').toUpperCase();
        this.creator = caller.device.jid(form);
        this.form = form;
        this.state = 'offer';
        this.rejections = [];
    }

    attrs(more = {}) {
        return { 'call-id': this.id, 'call-creator': this.creator, ...more };
    }

    /** One stanza to every companion of `account` but `except`. */
    tell(account, tag, { from = this.creator, attrs, content, t = now(),
        except } = {}) {
        this.lastIds = [];
        for (const d of account.companions()) {
            if (d === except) {
                continue;
            }
            const id = randomBytes(8).toString('hex').toUpperCase();
            this.lastIds.push(id);
            d.mailbox.post(node('call', { from, id, t, platform: 'android',
                version: '2.26.10.70', notify: this.caller.account.name },
            [node(tag, this.attrs(attrs), content)]));
        }
    }

    offer(t = now()) {
        const pn = `${this.caller.account.pn}@${SERVER}`;
        const lid = `${this.caller.account.lid}@lid`;
        this.tell(this.account, 'offer', { t,
            attrs: { ...(this.form === 'lid' ? { caller_pn: pn }
                : { caller_lid: lid }),
            ...(this.group === undefined ? {}
                : { 'group-jid': this.group.jid, type: 'group' }) },
            content: [node('audio', { enc: 'opus', rate: 16000 }),
                ...(this.video ? [node('video', { enc: 'vp8' })] : []),
                node('net', { medium: 3 }),
                node('capability', { ver: 1 }, Buffer.from('0104ff09c4fa',
                    'hex')),
                ...(this.group === undefined ? [] : [node('group_info', {},
                    [...this.group.members.keys()].map(a => node('user',
                        { jid: `${a.lid}@lid`,
                            user_pn: `${a.pn}@${SERVER}` })))])] });
        return this;
    }

    /** The wiring of a call, of no interest to who takes none. */
    wiring() {
        this.tell(this.account, 'relaylatency', { content: [
            node('te', { latency: '33554497' }, Buffer.alloc(6))] });
        this.tell(this.account, 'transport', {
            attrs: { 'transport-message-type': 1 } });
    }

    /** The caller gave up: nobody answered, or it was hung up. */
    timeout() {
        this.state = 'timeout';
        this.tell(this.account, 'terminate', { attrs: { reason: 'timeout' } });
    }

    hangUp(t) {
        this.state = 'terminate';
        this.tell(this.account, 'terminate', { t, attrs: {} });
    }

    /** The phone of who is called took or refused it. */
    elsewhere(what) {
        this.state = what;
        this.tell(this.account, 'terminate', {
            attrs: { reason: `${what}ed_elsewhere` } });
    }
}

export function placeCall(caller, account, options) {
    const call = new Call(caller, account, options);
    const { sim } = caller;
    sim.calls ??= new Map();
    sim.calls.set(call.id, call);
    return call.offer(options?.t);
}

/** <call> from a companion: it may only refuse one. */
export function handleCall(sim, device, stanza) {
    const bad = text => sim.violate(device, 'call', `${device}: ${text}`,
        stanza);
    const { id, to, from } = stanza.attrs;
    const [r] = children(stanza);
    if (r?.tag !== 'reject' || children(stanza).length !== 1) {
        bad(`not a refusal: ${show(child(stanza) ?? stanza)}`);
        return;
    }
    const call = sim.calls?.get(r.attrs['call-id']);
    const creator = parseJid(r.attrs['call-creator']);
    if (id === undefined || call === undefined) {
        bad('id, or a call that is not');
        return;
    }
    if (call.account !== device.account || r.attrs.count !== '0'
        || creator?.user !== parseJid(call.creator).user
        || sim.registry.account(to) !== call.caller.account
        || sim.registry.account(from) !== device.account) {
        bad('to, from, creator or count');
        return;
    }
    device.link?.send?.(node('ack', { class: 'call', id, type: 'reject',
        from: to }));
    call.rejections.push(device);
    if (call.state === 'offer') {
        call.state = 'reject';
        call.tell(device.account, 'terminate', { except: device,
            attrs: { reason: 'rejected_elsewhere' } });
    } else {
        bad(`the call is in state ${call.state}`);
    }
    sim.emit('call-reject', call, device);
}
