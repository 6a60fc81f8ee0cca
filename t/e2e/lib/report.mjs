// The reporting token of a message, checked with Baileys' implementation.
import assert from 'node:assert/strict';
import { getMessageReportingToken }
    from 'baileys/lib/Utils/reporting-utils.js';
import { proto } from 'baileys/WAProto/index.js';
import { bytesOf, child } from '../../sim/codec.mjs';

/** The token in `stanza` is that of what a recipient has read.  `raw`: the
 *  WAMessage of a Baileys client; `sender`, `chat`: as the stanza has them. */
export async function checkReport(stanza, raw, sender, chat) {
    const sent = bytesOf(child(child(stanza, 'reporting'),
        'reporting_token'));
    const { message } = raw;
    const made = await getMessageReportingToken(
        Buffer.from(proto.Message.encode(message).finish()), message,
        { id: stanza.attrs.id, fromMe: false, participant: sender,
            remoteJid: chat });
    assert.ok(sent !== undefined && made !== null, 'there is a token');
    assert.deepEqual(sent, Buffer.from(made.content[0].content));
}
