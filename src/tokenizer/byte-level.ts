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

/** By code unit: the byte that the character stands for, or -1. */
const BYTE_OF_UNIT: Int16Array = bytesOfUnits();

function bytesOfUnits(): Int16Array {
  const table = new Int16Array(0x180).fill(-1);
  for (let byte = 0; byte < 256; byte++) table[CHAR_OF_BYTE[byte].charCodeAt(0)] = byte;
  return table;
}

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
    const unit = token.charCodeAt(i);
    const byte = unit < BYTE_OF_UNIT.length ? BYTE_OF_UNIT[unit] : -1;
    if (byte < 0) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
