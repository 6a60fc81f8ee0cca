// One WebSocket: frames, handshake, then stanzas in and out.
import { setTimeout as later } from 'node:timers';
import { decode, encode, node, show, SERVER } from './codec.mjs';
import { NoiseResponder } from './noise.mjs';
import { knob } from './faults.mjs';
import { acceptPayload } from './login.mjs';
import { dispatch } from './dispatch.mjs';
import { forgetPresence } from './presence.mjs';

const INTRO = Buffer.from('WA\x06\x03', 'latin1');
const HANDSHAKE_MS = 20000;
const MAX_FRAME = 1 << 22;

export class Connection {
    constructor(sim, ws, request) {
        this.sim = sim;
        this.ws = ws;
        this.peer = `${request.socket.remoteAddress}:` +
            request.socket.remotePort;
        this.device = undefined;
        this.registration = undefined;
        this.input = Buffer.alloc(0);
        this.introduced = false;
        this.handler = this.onHello;
        this.iqIds = new Set();
        this.waiting = new Map();
        this.heldAcks = [];
        this.outbox = [];
        this.frames = 0;
        this.closed = false;
        this.serverIq = 0;
        this.virtual = false;
        this.deadline = later(() => this.close('handshake timeout'),
            HANDSHAKE_MS);
        if (request.headers.origin !== 'https://web.whatsapp.com') {
            this.violate('origin', `origin header ${request.headers.origin}`);
        }
        ws.on('message', (data, binary) => this.onMessage(data, binary));
        ws.on('close', () => this.onClose());
        ws.on('error', () => ws.terminate());
    }

    get account() {
        return this.device?.account ?? this.registration?.account;
    }

    get name() {
        return this.device?.toString() ?? this.peer;
    }

    violate(kind, detail, stanza) {
        if (this.registration?.allows(kind)) {
            return;
        }
        this.sim.violate(this.device, kind, `${this.name}: ${detail}`, stanza);
    }

    knob(name) {
        return knob(this.sim, this.account, name);
    }

    onMessage(data, binary) {
        if (!binary) {
            this.violate('websocket', 'text message');
            return;
        }
        this.input = this.input.length === 0 ? data
            : Buffer.concat([this.input, data]);
        try {
            this.readFrames();
        } catch (e) {
            this.violate('frame', e.message);
            this.close(e.message);
        }
    }

    readFrames() {
        if (!this.introduced && !this.readIntro()) {
            return;
        }
        while (!this.closed && this.input.length >= 3) {
            const size = this.input.readUIntBE(0, 3);
            if (size > MAX_FRAME) {
                throw new Error(`frame of ${size} bytes`);
            }
            if (this.input.length < 3 + size) {
                return;
            }
            const frame = this.input.subarray(3, 3 + size);
            this.input = this.input.subarray(3 + size);
            this.countFrame();
            this.handler(frame);
        }
    }

    readIntro() {
        let at = 0;
        if (this.input.length >= 7 && this.input.toString('latin1', 0, 2)
            === 'ED') {
            if (this.input.readUInt16BE(2) !== 1) {
                throw new Error('routing intro: bad version');
            }
            at = 7 + this.input.readUIntBE(4, 3);
        }
        if (this.input.length < at + INTRO.length) {
            return false;
        }
        if (!this.input.subarray(at, at + 4).equals(INTRO)) {
            throw new Error('intro is not WA 6 3');
        }
        this.routing = at > 0 ? Buffer.from(this.input.subarray(7, at))
            : undefined;
        this.input = this.input.subarray(at + 4);
        this.introduced = true;
        if (this.routing !== undefined && this.sim.faults.refuseRouting) {
            this.ws.terminate();
            return false;
        }
        return true;
    }

    onHello(frame) {
        const fault = this.knob('ik');
        this.noise = new NoiseResponder(this.sim.chainFor(this),
            { ik: fault !== 'decline' });
        const answer = this.noise.hello(frame);
        const { payload } = this.noise;
        this.sim.emit('hello', this, payload === undefined
            ? this.noise.tried === 'IK' ? 'XXfallback' : 'XX' : 'IK');
        if (fault === 'spoil' && payload !== undefined) {
            answer[answer.length - 1] ^= 1;
        }
        if (fault === 'close' && this.noise.tried === 'IK') {
            this.close('IK is not liked here');
            return;
        }
        this.writeFrame(answer);
        if (payload === undefined) {
            this.handler = this.onFinish;
        } else {
            this.admitted(payload);
        }
    }

    onFinish(frame) {
        this.admitted(this.noise.finish(frame));
    }

    admitted(payload) {
        clearTimeout(this.deadline);
        this.handler = this.onStanza;
        acceptPayload(this, payload);
    }

    onStanza(frame) {
        let plain;
        try {
            plain = this.noise.open(frame);
        } catch {
            this.violate('frame', 'transport frame does not authenticate');
            this.close('bad mac');
            return;
        }
        let got;
        try {
            got = decode(plain, this.sim.options);
        } catch (e) {
            this.violate('stanza', `cannot decode ${plain.toString('hex')}: ` +
                e.message);
            this.streamError({}, [node('xml-not-well-formed')]);
            return;
        }
        for (const p of got.problems) {
            this.violate('encoding', p, got.stanza);
        }
        this.sim.counters.stanzasIn++;
        this.sim.trace?.(this, 'in', got.stanza);
        dispatch(this, got.stanza);
    }

    /** Seals and sends one node, with the faults that are set. */
    send(stanza) {
        if (this.closed) {
            return;
        }
        this.sim.counters.stanzasOut++;
        this.sim.trace?.(this, 'out', stanza);
        this.writeFrame(this.noise.seal(
            encode(stanza, { compress: this.knob('compress') })));
        this.countFrame();
    }

    writeFrame(body) {
        const frame = Buffer.allocUnsafe(3 + body.length);
        frame.writeUIntBE(body.length, 0, 3);
        body.copy(frame, 3);
        const wait = this.knob('coalesce') || this.knob('latencyMs') || 0;
        if (wait > 0 || this.outbox.length > 0) {
            this.outbox.push(frame);
            if (this.outbox.length === 1) {
                later(() => this.flush(), wait);
            }
            return;
        }
        this.write(frame);
    }

    flush() {
        const frames = this.outbox;
        this.outbox = [];
        if (this.knob('coalesce')) {
            this.write(Buffer.concat(frames));
            return;
        }
        frames.forEach(f => this.write(f));
    }

    write(bytes) {
        const size = this.knob('split') || bytes.length;
        for (let i = 0; i < bytes.length; i += size) {
            this.ws.send(bytes.subarray(i, i + size), { binary: true });
        }
    }

    countFrame() {
        this.frames++;
        const limit = this.knob('dropAfterFrames');
        if (limit > 0 && this.device !== undefined && this.frames >= limit) {
            delete this.account.faults.dropAfterFrames;
            delete this.sim.faults.dropAfterFrames;
            this.ws.terminate();
        }
    }

    /** Server iq; resolves with the reply, violation when none comes.
     *  `answered` sees it before any frame behind it is read. */
    request(attrs, content, { timeoutMs = 15000, answered } = {}) {
        const id = `${++this.serverIq}-${Math.floor(Math.random() * 1e9)}`;
        return new Promise((resolve, reject) => {
            const timer = later(() => {
                this.waiting.delete(id);
                this.violate('iq-unanswered', show(content[0]));
                reject(new Error('client did not answer'));
            }, timeoutMs);
            this.waiting.set(id, { resolve, reject, timer, answered });
            this.send(node('iq', { from: `@${SERVER}`, id, ...attrs },
                content));
        });
    }

    streamError(attrs, content = undefined) {
        this.send(node('stream:error', attrs, content));
        this.close(`stream error ${attrs.code ?? ''}`);
    }

    failure(attrs) {
        this.send(node('failure', attrs));
        this.close(`failure ${attrs.reason}`);
    }

    streamEnd() {
        this.send(node('xmlstreamend'));
        this.close('stream end');
    }

    close(why = '') {
        if (this.closed) {
            return;
        }
        this.why = why;
        if (this.outbox.length > 0) {
            this.flush();
        }
        this.closed = true;
        this.ws.close();
        later(() => this.ws.terminate(), 2000).unref();
        this.detach();
    }

    onClose() {
        this.closed = true;
        clearTimeout(this.deadline);
        for (const w of this.waiting.values()) {
            clearTimeout(w.timer);
            w.reject(new Error('connection closed'));
        }
        this.waiting.clear();
        this.registration?.stop();
        this.detach();
        this.sim.connections.delete(this);
        this.sim.emit('disconnect', this);
    }

    detach() {
        if (this.device?.link === this) {
            this.device.link = undefined;
            this.device.mailbox.detach();
            forgetPresence(this.device);
        }
    }
}
