/** Follows a stream of UTF-8 byte by byte: is it inside a character, and where does it go wrong? (WHATWG Encoding, UTF-8 decoder.) */
export class Utf8State {
  /** Bytes of the character that are still to come. */
  #needed = 0;
  /** Bounds of the next of them: they exclude overlong forms, surrogates and what lies beyond U+10FFFF. */
  #low = 0x80;
  #high = 0xbf;

  /** True if more bytes of a character must come. */
  get inside(): boolean {
    return this.#needed > 0;
  }

  /** @returns false if this byte makes the stream wrong; the next character may then begin with it */
  push(byte: number): boolean {
    if (this.#needed === 0) return this.#lead(byte);
    const fits = byte >= this.#low && byte <= this.#high;
    this.#low = 0x80;
    this.#high = 0xbf;
    if (fits) {
      this.#needed--;
      return true;
    }
    this.#needed = 0;
    this.#lead(byte);
    return false;
  }

  #lead(byte: number): boolean {
    if (byte <= 0x7f) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#low = 0xa0;
    if (byte === 0xed) this.#high = 0x9f;
    if (byte === 0xf0) this.#low = 0x90;
    if (byte === 0xf4) this.#high = 0x8f;
    return true;
  }
}
