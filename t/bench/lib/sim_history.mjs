// The simulator's part in measuring history: pieces of it, as a phone packs
// them, offered all at once.
import { once } from 'node:events';
import { conversation, encodeHistory, HistorySyncType, offer }
    from '../../sim/history.mjs';

const CHATS = 100;
const TAKEN_MS = 600000;

const pnOf = i => `1555${String(i).padStart(7, '0')}@s.whatsapp.net`;
const lidOf = i => `10000${String(i).padStart(7, '0')}@lid`;

/** One piece: `count` messages of CHATS people, with who is who. */
function piece(number, count) {
    const now = Math.floor(Date.now() / 1000);
    const each = Math.ceil(count / CHATS);
    const people = Array.from({ length: CHATS },
        (_, i) => number * CHATS + i);
    return { syncType: HistorySyncType.RECENT, chunkOrder: number + 1,
        conversations: people.map(i => conversation(lidOf(i),
            Array.from({ length: each }, (_, k) => ({
                id: `3EB0${i.toString(16)}X${k.toString(16)}`.padEnd(20, 'F'),
                t: now - 60 * k - i, own: k % 3 === 0,
                text: `message ${k} of chat ${i}, as long as what people `
                    + `write: ${((i + 1) * (k + 7) * 2654435761).toString(36)}`
            })), { pnJid: pnOf(i), unreadCount: i % 7 })),
        pushnames: people.map(i => ({ id: pnOf(i), pushname: `Name ${i}` })),
        phoneNumberToLidMappings: people.map(i => ({ pnJid: pnOf(i),
            lidJid: lidOf(i) })) };
}

/** Offers `count` messages in `pieces` pieces, kept back like texts; with
 *  `inline` in the notification, else as files. */
export async function offered(phone, device, { count, pieces, inline }) {
    device.mailbox.hold();
    for (let i = 0; i < pieces; i++) {
        await offer(phone, device, { syncType: HistorySyncType.RECENT,
            chunkOrder: i + 1, progress: Math.floor((i + 1) * 100 / pieces)
        }, { inline, packed: encodeHistory(piece(i, count / pieces)) });
    }
}

/** Lets them go; resolves, with the ms it took, when the device has told of
 *  every one that it was taken in. */
export async function taken(sim, device) {
    const signal = AbortSignal.timeout(TAKEN_MS);
    const start = performance.now();
    device.mailbox.release();
    while ([...device.history.values()].some(p => !p.taken)) {
        await once(sim, 'history-taken', { signal });
    }
    return performance.now() - start;
}
