// What WhatsApp's side does to the accounts: the faults of the simulator,
// for some accounts, some for a time.
import { setTimeout as pause } from 'node:timers/promises';

/** A knob that holds for `ms`. */
function spell(weight, draw, knob, value) {
    return { weight, draw: rng => ({ part: rng.pick([0.1, 0.3, 1]),
        ms: rng.int(500, 5000), ...draw(rng) }),
    run: async (sim, people, p) => {
        people.forEach(x => {
            x.account.faults[knob] = value(p);
        });
        await pause(p.ms);
        people.forEach(x => delete x.account.faults[knob]);
    } };
}

/** A knob that counts down. */
function counted(weight, knob, most) {
    return { weight, draw: rng => ({ part: rng.pick([0.1, 0.3]),
        count: rng.int(1, most) }),
    run: async (sim, people, p) => people.forEach(x => {
        x.device.faults[knob] = p.count;
    }) };
}

/** Each is given the accounts it concerns, a `part` of all. */
export const WEATHER = {
    'sockets cut': { weight: 5,
        draw: rng => ({ part: rng.pick([0.1, 0.3, 1]) }),
        run: async (sim, people) => people.forEach(x =>
            x.device.link?.ws.terminate()) },
    'stream error': { weight: 4,
        draw: rng => ({ part: rng.pick([0.1, 0.3]),
            code: rng.pick([500, 503, 515]) }),
        run: async (sim, people, p) => people.forEach(x =>
            x.device.link?.streamError({ code: p.code })) },
    'stream end': { weight: 1, draw: () => ({ part: 0.2 }),
        run: async (sim, people) => people.forEach(x =>
            x.device.link?.streamEnd()) },
    'logins refused': { weight: 2,
        draw: rng => ({ part: rng.pick([0.2, 0.5]),
            ms: rng.int(500, 3000) }),
        run: async (sim, people, p) => {
            people.forEach(x => {
                x.account.faults.failure = { reason: 503 };
                x.device.link?.ws.terminate();
            });
            await pause(p.ms);
            people.forEach(x => delete x.account.faults.failure);
        } },
    latency: spell(3, rng => ({ latency: rng.int(5, 300) }), 'latencyMs',
        p => p.latency),
    compressed: spell(1, () => ({}), 'compress', () => true),
    'split messages': spell(1, rng => ({ bytes: rng.int(1, 60) }), 'split',
        p => p.bytes),
    'coalesced frames': spell(2, rng => ({ gather: rng.int(5, 100) }),
        'coalesce', p => p.gather),
    'acks held': { weight: 3,
        draw: rng => ({ part: rng.pick([0.1, 0.3]),
            ms: rng.int(200, 4000) }),
        run: async (sim, people, p) => {
            people.forEach(x => {
                x.account.faults.holdAcks = true;
            });
            await pause(p.ms);
            people.forEach(x => sim.releaseAcks(x.account));
        } },
    duplicates: counted(4, 'duplicate', 6),
    'cut before the ack': counted(4, 'cutBeforeAck', 3),
    'messages lost with the socket': counted(4, 'loseMessage', 3),
    'cut after frames': { weight: 3,
        draw: rng => ({ part: rng.pick([0.1, 0.3]),
            frames: rng.int(1, 40) }),
        run: async (sim, people, p) => people.forEach(x => {
            const { link } = x.device;
            x.account.faults.dropAfterFrames = p.frames
                + (link?.frames ?? 0);
        }) },
    'asked for prekeys': { weight: 1, draw: () => ({ part: 0.3 }),
        run: async (sim, people) => people.forEach(x =>
            sim.notifyLow(x.device)) },
};

/** All of it ends. */
export function calm(sim, people) {
    sim.faults = {};
    for (const x of people) {
        sim.releaseAcks(x.account);
        x.account.faults = {};
        x.device.faults = {};
    }
}
