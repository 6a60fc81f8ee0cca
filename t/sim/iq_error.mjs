/** Answers an iq with `<error code text>`. */
export class IqError extends Error {
    constructor(code, text) {
        super(text);
        this.code = code;
    }
}
