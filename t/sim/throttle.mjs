// A server that has had enough: iqs of one namespace are refused with 429 and
// the seconds it wants to be left alone. Whoever asks again before is noted
// in sim.violations ("throttle").
//
//   account.faults.throttle = { xmlns, backoff }   until it is deleted
//
// The clock of the server may be wrong: account.faults.clockS, seconds.
import { IqError } from './iq_error.mjs';
import { knob } from './faults.mjs';

export function checkThrottle(conn, iq) {
    const rule = conn.knob('throttle');
    const { account } = conn;
    if (account === undefined) {
        return;
    }
    account.throttled ??= new Map();
    const until = account.throttled.get(iq.attrs.xmlns) ?? 0;
    if (Date.now() < until) {
        conn.violate('throttle', 'asked again too early', iq);
    }
    if (rule?.xmlns === iq.attrs.xmlns) {
        account.throttled.set(iq.attrs.xmlns,
            Date.now() + rule.backoff * 1000);
        conn.sim.emit('throttle', conn, iq);
        throw new IqError(429, 'rate-overlimit', { backoff: rule.backoff });
    }
}

export function serverTime(sim, account) {
    return Math.floor(Date.now() / 1000)
        + (knob(sim, account, 'clockS') ?? 0);
}
