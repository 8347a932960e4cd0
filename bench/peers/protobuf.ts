/** A protobuf message that grows (wire format: protobuf.dev/programming-guides/encoding). Fields by their numbers. */
export class Message {
  readonly #parts: Buffer[] = [];

  /** int64, enum */
  int(field: number, value: number): this {
    return this.#put(varint(field << 3), varint(value));
  }
  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#put(varint((field << 3) | 5), bytes);
  }
  bytes(field: number, value: Buffer): this {
    return this.#put(varint((field << 3) | 2), varint(value.length), value);
  }
  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }
  message(field: number, value: Message): this {
    return this.bytes(field, value.whole);
  }
  get whole(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #put(...parts: Buffer[]): this {
    this.#parts.push(...parts);
    return this;
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}
