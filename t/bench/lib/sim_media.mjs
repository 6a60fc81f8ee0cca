// The simulator's part in measuring media: documents on its media server.
import { createCipheriv, createHash, createHmac, hkdfSync, randomBytes }
    from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const INFO = 'WhatsApp Document Keys';
const sha256 = bytes => createHash('sha256').update(bytes).digest();

/** What a phone makes of a file before it uploads it. */
function seal(bytes) {
    const mediaKey = randomBytes(32);
    const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0),
        INFO, 112));
    const iv = keys.subarray(0, 16);
    const cipher = createCipheriv('aes-256-cbc', keys.subarray(16, 48), iv);
    const body = Buffer.concat([cipher.update(bytes), cipher.final()]);
    const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv)
        .update(body).digest().subarray(0, 10);
    return { mediaKey, sealed: Buffer.concat([body, mac]) };
}

/** Puts a random document of `size` bytes on the media server as if `from`
 *  had uploaded it; returns the message that tells of it. */
export function uploaded(sim, from, size) {
    const bytes = randomBytes(size);
    const { mediaKey, sealed } = seal(bytes);
    const hash = sha256(sealed);
    const name = join(sim.media.dir, randomBytes(8).toString('hex'));
    writeFileSync(name, sealed);
    const file = { kind: 'document', plain: false, spoil: false, cut: 0,
        expired: false, device: from.device, account: from.account, name,
        size: sealed.length, hash };
    sim.media.publish(file);
    return { documentMessage: { url: `https://${sim.media.host}${file.path}`,
        directPath: file.path, mediaKey, fileEncSha256: hash,
        fileSha256: sha256(bytes), fileLength: size, fileName: 'a.bin',
        mimetype: 'application/octet-stream',
        mediaKeyTimestamp: Math.floor(Date.now() / 1000) } };
}
