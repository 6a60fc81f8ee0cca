import { randomBytes } from './keys.mjs';

/** A message id as phones and web clients make them. */
export function newId() {
    return `3EB0${randomBytes(9).toString('hex').toUpperCase()}`;
}
