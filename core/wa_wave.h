/*
 * The waveform of a voice note, which WhatsApp's clients draw from the
 * message without having the file: 64 numbers, the mean loudness of as many
 * equal parts, the loudest one 100.
 * Source: what Baileys sends (getAudioWaveform).
 *
 * The file is decoded by libopusfile.  Slow by its nature: job side.  It is
 * untrusted input: bytes and seconds that are looked at have limits, and the
 * stream is read once from its start, whatever it says of itself.
 */
#ifndef WA_WAVE_H
#define WA_WAVE_H

#include "wa_base.h"


#define WA_WAVE_LEN  64u

/* Larger or longer ones have no waveform (bytes; s). */
#define WA_WAVE_FILE_MAX     (16u * 1024 * 1024)
#define WA_WAVE_SECONDS_MAX  600u


/*
 * Of a whole file, Opus in Ogg.  All 0: silence.
 * WA_ERR_SYNTAX: it is none, or has no sound.  WA_ERR_LIMIT: see above.
 * WA_ERR_NOMEM.
 */
wa_err_t wa_wave_opus(wa_span_t file, uint8_t out[WA_WAVE_LEN]);

#endif /* WA_WAVE_H */
