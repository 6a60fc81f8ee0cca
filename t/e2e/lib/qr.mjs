// Reads QR codes the way a phone does: from the picture.
import jsQR from 'jsqr';
import { PNG } from 'pngjs';

/** Draws modules (true: dark) with 4 pixels each, and reads them. */
function read(width, height, dark) {
    const scale = 4;
    const w = width * scale;
    const h = height * scale;
    const data = new Uint8ClampedArray(w * h * 4).fill(255);
    for (let y = 0; y < h; y++) {
        for (let x = 0; x < w; x++) {
            if (dark(Math.floor(x / scale), Math.floor(y / scale))) {
                data.fill(0, (y * w + x) * 4, (y * w + x) * 4 + 3);
            }
        }
    }
    return jsQR(data, w, h)?.data;
}

/** { width, height, text } of a PNG or of a data URL with one. */
export function readPng(picture) {
    const bytes = typeof picture !== 'string' ? picture
        : Buffer.from(picture.replace('data:image/png;base64,', ''),
            'base64');
    const { width, height, data } = PNG.sync.read(bytes);
    return { width, height, text: read(width, height,
        (x, y) => data[(y * width + x) * 4] < 128) };
}

/** The text of an SVG whose path draws one unit square per module. */
export function readSvg(svg) {
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg);
    const squares = new Set(Array.from(svg.matchAll(/M(\d+) (\d+)h1v1/g),
        m => `${m[1]} ${m[2]}`));
    return read(Number(width), Number(height),
        (x, y) => squares.has(`${x} ${y}`));
}

/** The text of a picture made of half blocks, light drawn. */
export function readTxt(txt) {
    const lines = txt.replace(/\x1b\[[\d;]*m/g, '').trimEnd().split('\n');
    return read(lines[0].length, lines.length * 2, (x, y) =>
        !(y % 2 === 0 ? '█▀' : '█▄').includes(lines[y >> 1][x]));
}
