/**
 * Byte-level vocabularies write each byte as one printable character: the 188 bytes that are printable in Latin-1 as themselves, the others
 * as U+0100 and on, in their order. (GPT-2's bytes_to_unicode.)
 */
export const CHAR_OF_BYTE: readonly string[] = charsOfBytes();

function charsOfBytes(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : next++);
  });
}

const BYTE_OF_CHAR: ReadonlyMap<string, number> = new Map(CHAR_OF_BYTE.map((char, byte) => [char, byte]));

const encoder = new TextEncoder();

/** The bytes of a text in UTF-8, each as its character. */
export function toByteChars(text: string): string {
  const parts: string[] = [];
  for (const byte of encoder.encode(text)) parts.push(CHAR_OF_BYTE[byte]);
  return parts.join("");
}

/** The bytes that a token stands for; a token with any other character (an added token with a space, say) stands for its own UTF-8. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHAR.get(token[i]);
    if (byte === undefined) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
