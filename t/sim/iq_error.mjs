/** Answers an iq with `<error code text>`, and these attributes. */
export class IqError extends Error {
    constructor(code, text, attrs = {}) {
        super(text);
        this.code = code;
        this.attrs = attrs;
    }
}
