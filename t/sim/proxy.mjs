// A proxy on the way to the server: HTTP CONNECT and SOCKS5 on one port, told
// apart by the first byte. Strict about what clients send.
//
//   const proxy = await new Proxy({ user, password }).listen();
//   proxy.url('socks5'), proxy.url('http')      with the credentials in it
//   proxy.tunnels                               { kind, target, socket }
//   proxy.fault = 'refuse' | 'silent' | 'garbage' | 'early' | 'drip'
import { EventEmitter, once } from 'node:events';
import { connect, createServer } from 'node:net';

const FAULTY = Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);

/** Takes exactly `n` bytes, or what ends with `mark`, from a socket. */
class Reader {
    constructor(socket) {
        this.socket = socket;
        this.input = Buffer.alloc(0);
        this.wanted = undefined;
        this.ended = false;
        socket.on('data', d => {
            this.input = Buffer.concat([this.input, d]);
            this.look();
        });
        socket.on('close', () => {
            this.ended = true;
            this.look();
        });
    }

    look() {
        if (this.wanted === undefined) {
            return;
        }
        const { size, resolve, reject } = this.wanted;
        const n = size(this.input);
        if (n >= 0 && this.input.length >= n) {
            this.wanted = undefined;
            const out = this.input.subarray(0, n);
            this.input = this.input.subarray(n);
            resolve(out);
        } else if (this.ended) {
            this.wanted = undefined;
            reject(new Error('closed'));
        }
    }

    take(size) {
        return new Promise((resolve, reject) => {
            this.wanted = { size: typeof size === 'number' ? () => size
                : size, resolve, reject };
            this.look();
        });
    }

    /** What lies behind goes on to `other`. */
    pipe(other) {
        this.socket.removeAllListeners('data');
        if (this.input.length > 0) {
            other.write(this.input);
        }
        this.socket.pipe(other);
    }
}

export class Proxy extends EventEmitter {
    constructor({ user, password } = {}) {
        super();
        this.user = user;
        this.password = password;
        this.tunnels = [];
        this.refused = [];
        this.problems = [];
        this.sockets = new Set();
        this.fault = undefined;
    }

    async listen() {
        this.server = createServer(socket => {
            this.sockets.add(socket);
            socket.on('error', () => {});
            socket.on('close', () => this.sockets.delete(socket));
            this.serve(socket).catch(e => {
                this.refused.push(e.message);
                this.emit('refused', e.message);
            });
        }).listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        this.port = this.server.address().port;
        return this;
    }

    url(scheme, host = '127.0.0.1') {
        const login = this.user === undefined ? '' : `${encodeURIComponent(
            this.user)}:${encodeURIComponent(this.password)}@`;
        return `${scheme}://${login}${host}:${this.port}`;
    }

    close() {
        this.sockets.forEach(s => s.destroy());
        this.server.close();
    }

    async serve(socket) {
        const reader = new Reader(socket);
        const [first] = await reader.take(1);
        if (this.fault === 'silent') {
            return;
        }
        if (this.fault === 'garbage') {
            socket.write(Buffer.alloc(5000, 0x41));
            return;
        }
        const open = first === 5 ? this.socks : this.http;
        const { kind, host, port, done, no } = await open.call(this, reader,
            socket);
        if (this.fault === 'refuse') {
            no();
            throw new Error('asked to refuse');
        }
        const target = connect(port, host);
        target.on('error', () => socket.destroy());
        await once(target, 'connect');
        this.sockets.add(target);
        this.tunnels.push({ kind, target: `${host}:${port}`, socket });
        done();
        reader.pipe(target);
        target.pipe(socket);
        socket.on('close', () => target.destroy());
        this.emit('tunnel');
    }

    /** All at once, or byte by byte. */
    answer(socket, bytes) {
        const more = this.fault === 'early' ? Buffer.from('early')
            : Buffer.alloc(0);
        if (this.fault !== 'drip') {
            socket.write(Buffer.concat([bytes, more]));
            return;
        }
        socket.setNoDelay(true);
        for (const b of bytes) {
            socket.write(Buffer.from([b]));
        }
    }

    async http(reader, socket) {
        const rest = await reader.take(b => {
            const at = b.indexOf('\r\n\r\n');
            return at < 0 ? -1 : at + 4;
        });
        const [line, ...headers] = `C${rest.toString('latin1')}`.split('\r\n');
        const m = /^CONNECT ([^ :]+|\[[^\]]+\]):(\d+) HTTP\/1\.1$/.exec(line);
        const fields = new Map(headers.filter(h => h !== '').map(h =>
            [h.split(': ')[0].toLowerCase(), h.split(': ')[1]]));
        if (m === null || fields.get('host') !== `${m[1]}:${m[2]}`) {
            this.problems.push(line);
            socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
            throw new Error(`bad request ${line}`);
        }
        const login = Buffer.from(`${this.user}:${this.password}`)
            .toString('base64');
        if (this.user !== undefined
            && fields.get('proxy-authorization') !== `Basic ${login}`) {
            socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n'
                + 'Proxy-Authenticate: Basic realm="sim"\r\n\r\n');
            throw new Error('bad credentials');
        }
        return { kind: 'http', host: m[1], port: Number(m[2]),
            done: () => this.answer(socket, Buffer.from('HTTP/1.1 200 '
                + 'Connection established\r\nVia: sim\r\n\r\n')),
            no: () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n') };
    }

    async socks(reader, socket) {
        const [count] = await reader.take(1);
        const methods = await reader.take(count);
        const method = this.user === undefined ? 0 : 2;
        if (!methods.includes(method)) {
            socket.end(Buffer.from([5, 0xff]));
            throw new Error('no method');
        }
        socket.write(Buffer.from([5, method]));
        if (method === 2) {
            await this.login(reader, socket);
        }
        const [version, command, , kind] = await reader.take(4);
        if (version !== 5 || command !== 1) {
            this.problems.push(`request ${version} ${command}`);
        }
        let host;
        if (kind === 1) {
            host = (await reader.take(4)).join('.');
        } else if (kind === 3) {
            const [size] = await reader.take(1);
            host = (await reader.take(size)).toString();
        } else {
            socket.end(Buffer.from([5, 8, 0, 1, 0, 0, 0, 0, 0, 0]));
            throw new Error(`address type ${kind}`);
        }
        const port = (await reader.take(2)).readUInt16BE();
        // the bound address: a name, so that its length must be looked at
        const bound = Buffer.from('bound.example');
        return { kind: 'socks5', host, port,
            done: () => this.answer(socket, Buffer.concat([
                Buffer.from([5, 0, 0, 3, bound.length]), bound,
                Buffer.from([0, 80])])),
            no: () => socket.end(FAULTY) };
    }

    async login(reader, socket) {
        const [version, size] = await reader.take(2);
        const user = await reader.take(size);
        const [length] = await reader.take(1);
        const password = await reader.take(length);
        const good = version === 1 && user.toString() === this.user
            && password.toString() === this.password;
        socket.write(Buffer.from([1, good ? 0 : 1]));
        if (!good) {
            socket.end();
            throw new Error('bad credentials');
        }
    }
}
