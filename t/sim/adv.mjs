// Device identities (ADV): what the phone signs when a companion is linked,
// and the checks that the server makes on what the companion sends back.
import { proto } from 'baileys/WAProto/index.js';
import { hmac, sign, verify } from './keys.mjs';

const { ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC,
    ADVKeyIndexList, ADVSignedKeyIndexList } = proto;
const ACCOUNT_PREFIX = Buffer.from([6, 0]);
const DEVICE_PREFIX = Buffer.from([6, 1]);
const LIST_PREFIX = Buffer.from([6, 2]);
const now = () => Math.floor(Date.now() / 1000);
const encode = (type, fields) => Buffer.from(type.encode(fields).finish());

/** Signs a companion's identity key with the account key (the phone's). */
export function signDevice(accountKey, rawId, keyIndex, companionIdentity) {
    const details = encode(ADVDeviceIdentity,
        { rawId, timestamp: now(), keyIndex, accountType: 0, deviceType: 0 });
    return {
        details,
        accountSignatureKey: accountKey.pub,
        accountSignature: sign(accountKey.priv, ACCOUNT_PREFIX, details,
            companionIdentity),
    };
}

/** The `device-identity` content of pair-success. */
export function wrapHmac(identity, advSecret) {
    const details = encode(ADVSignedDeviceIdentity, identity);
    return encode(ADVSignedDeviceIdentityHMAC,
        { details, hmac: hmac(advSecret, details), accountType: 0 });
}

function sameBytes(a, b) {
    return Buffer.from(a ?? []).equals(Buffer.from(b ?? []));
}

/** Checks a companion's copy of its identity; returns a list of problems.
 *  `withKey` says whether field 2 (account key) must be there or must not. */
export function checkDeviceIdentity(bytes, expected, companionIdentity,
    withKey) {
    let got;
    try {
        got = ADVSignedDeviceIdentity.decode(bytes);
    } catch (e) {
        return [`device-identity does not parse: ${e.message}`];
    }
    const problems = [];
    const hasKey = (got.accountSignatureKey?.length ?? 0) > 0;
    if (!withKey && hasKey) {
        problems.push('account signature key must be left out here');
    }
    if (withKey && !sameBytes(got.accountSignatureKey,
        expected.accountSignatureKey)) {
        problems.push('account signature key is missing or wrong');
    }
    if (!sameBytes(got.details, expected.details)) {
        problems.push('details changed');
    }
    if (!sameBytes(got.accountSignature, expected.accountSignature)) {
        problems.push('account signature changed');
    }
    if (expected.deviceSignature !== undefined) {
        if (!sameBytes(got.deviceSignature, expected.deviceSignature)) {
            problems.push('device signature differs from the pairing reply');
        }
    } else if (!verify(companionIdentity, got.deviceSignature ?? [],
        DEVICE_PREFIX, expected.details, companionIdentity,
        expected.accountSignatureKey)) {
        problems.push('device signature does not verify');
    }
    return problems;
}

export function deviceSignatureOf(bytes) {
    return Buffer.from(ADVSignedDeviceIdentity.decode(bytes).deviceSignature);
}

/** As other people fetch it in a prekey bundle. */
export function publicIdentity(identity) {
    return encode(ADVSignedDeviceIdentity, identity);
}

/** The signed list of valid key indexes that goes with a device list. */
export function signKeyIndexList(accountKey, rawId, validIndexes, ts) {
    const details = encode(ADVKeyIndexList, {
        rawId, timestamp: ts, currentIndex: Math.max(0, ...validIndexes),
        validIndexes: [0, ...validIndexes], accountType: 0,
    });
    return encode(ADVSignedKeyIndexList, {
        details,
        accountSignature: sign(accountKey.priv, LIST_PREFIX, details),
        accountSignatureKey: accountKey.pub,
    });
}
