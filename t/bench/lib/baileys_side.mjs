// Baileys as it is measured: all clients in one node process, nothing
// persisted.
import { Remote } from './remote.mjs';
import { cpuSeconds, loopSeconds, quiet, residentKib } from './proc.mjs';

export class BaileysSide {
    constructor(sim, { url, media }) {
        this.name = 'Baileys';
        this.sim = sim;
        this.url = url;
        this.media = media;
        this.accounts = [];
    }

    async start() {
        this.remote = new Remote(new URL('./baileys_process.mjs',
            import.meta.url).pathname, this.media && { env: {
            ...process.env, NODE_EXTRA_CA_CERTS: this.media.ca } });
        this.pid = this.remote.pid;
        await this.remote.call('start', this.url);
    }

    get pids() {
        return [this.pid];
    }

    cpu() {
        return { main: cpuSeconds(this.pid),
            loop: loopSeconds(this.pid) };
    }

    async memory() {
        await quiet(this.pids);
        await this.remote.call('collect');
        return { main: residentKib(this.pid) };
    }

    /** `options` of baileys_process.mjs open(). */
    async link(total, options) {
        while (this.accounts.length < total) {
            const i = this.accounts.length;
            const qr = await this.remote.call('open', options);
            this.accounts.push(await this.sim.call('scan', qr));
            await this.remote.call('waitOpen', i);
        }
    }

    /** All sockets closed and opened again, in the same process. */
    async restart() {
        await this.remote.call('closeAll');
        await quiet(this.pids);
        const before = this.cpu().main;
        const logins = await this.sim.call('logins');
        const start = performance.now();
        const all = this.sim.call('waitLogins',
            logins + this.accounts.length);
        await this.remote.call('openAll');
        await all;
        const seconds = (performance.now() - start) / 1000;
        await quiet(this.pids);
        return { seconds, ready: seconds, main: this.cpu().main - before };
    }

    send(options) {
        return this.remote.call('send', options);
    }

    /** A chat is pinned and unpinned, one after the other. */
    change(options) {
        return this.remote.call('change', options);
    }

    /** Gone, until comeBack(). */
    leave() {
        return this.remote.call('closeAll');
    }

    comeBack() {
        return this.remote.call('openAll');
    }

    /** Files on disk, to be sent. */
    files(count, size) {
        return this.remote.call('files', count, size);
    }

    sendFiles(options) {
        return this.remote.call('sendFiles', options);
    }

    fetched() {
        return this.remote.call('fetched');
    }

    waitFetched(count) {
        return this.remote.call('waitFetched', count);
    }

    /** Resolves, with the ms it took, when the client has told all of it. */
    async takeHistory(to, count) {
        const start = performance.now();
        const all = this.remote.call('waitHistory', count);
        await this.sim.call('release', [to]);
        await all;
        return performance.now() - start;
    }

    setEcho(on) {
        return this.remote.call('setEcho', on);
    }

    async close() {
        await this.remote?.close();
    }
}
