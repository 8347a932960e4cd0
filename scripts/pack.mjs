// Makes bytes small for src/inline/unpack.ts, which says how they are told and has the contexts that both sides share: `pack(bytes)`.
//
// The way through the bytes (literals and copies) is the one that costs least, by what answers have cost on the way before: three times, from a
// first way that takes the longest copies.

/** As in src/inline/unpack.ts. */
const NUMBER = 32 + 32 * 8 + 32 * 32;
const LITERAL = 0;
const BESIDE = 16 * 256;
const COPY = BESIDE + 256 * 256;
const COPY_AFTER = COPY + 3;
const AGAIN = COPY_AFTER + 3 * 256;
const LENGTH = AGAIN + 3;
const LENGTH_AGAIN = LENGTH + NUMBER;
const DISTANCE = LENGTH_AGAIN + NUMBER;
const ALL = DISTANCE + 4 * NUMBER;
const RATES = Uint16Array.from({ length: 17 }, (_, n) => 65536 / (n + 1.6));

/** Ways that are tried, one after the other. */
const WAYS = 4;
/** Copies of more bytes are looked at only at their full length. */
const LONG = 48;
/** Places of the same two bytes that are looked at for a copy. */
const TRIES = 1500;

/**
 * @param bytes at most 2^24
 * @param before what is unpacked before them, which they may repeat
 */
export function pack(bytes, before = new Uint8Array(0)) {
  const earlier = before.length > 0 ? wayThrough(before, 0, () => new Writer(before)).way : [];
  const all = new Uint8Array(before.length + bytes.length);
  all.set(before);
  all.set(bytes, before.length);
  const begin = () => {
    const writer = new Writer(all);
    writer.follow(earlier);
    writer.coder.begin();
    return writer;
  };
  return wayThrough(all, before.length, begin).coder.bytes();
}

/** The way through the bytes from `from` on that was found to cost least, and the coder of a writer that has gone it. @param begin a writer that is there */
function wayThrough(bytes, from, begin) {
  const copies = copiesIn(bytes);
  const gone = (way) => {
    const writer = begin();
    writer.follow(way);
    return { way, coder: writer.coder };
  };
  let best = gone(greedy(bytes, copies, from));
  for (let i = 0; i < WAYS; i++) {
    const other = gone(cheapest(bytes, copies, best.coder.prices(), from, begin()));
    if (i > 0 && other.coder.length >= best.coder.length) break;
    best = other;
  }
  return best;
}

/** A range coder whose contexts learn, as those of the decoder do. */
class Coder {
  #chance = new Uint16Array(ALL).fill(2 ** 15);
  #seen = new Uint8Array(ALL);
  /** Zeros and ones of each context. */
  #counts = [new Uint32Array(ALL), new Uint32Array(ALL)];
  #out;
  #low;
  #range;
  /** A byte that a carry may still reach, and how many 255 behind it. */
  #held;
  #more;

  constructor() {
    this.begin();
  }

  /** Bytes of their own from here on; what was learnt stays. */
  begin() {
    this.#out = [];
    this.#low = 0;
    this.#range = 2 ** 32 - 1;
    this.#held = -1;
    this.#more = 0;
  }

  bit(bit, context, other = context) {
    const p = (this.#chance[context] + this.#chance[other]) >>> 1;
    const bound = (this.#range >>> 16) * p;
    if (bit) {
      this.#low += bound;
      this.#range -= bound;
    } else this.#range = bound;
    for (; this.#range < 2 ** 24; this.#range = (this.#range << 8) >>> 0) this.#shift();
    this.#learn(context, bit);
    if (other !== context) this.#learn(other, bit);
  }

  #learn(context, bit) {
    this.#counts[bit][context]++;
    const n = this.#seen[context];
    const p = this.#chance[context];
    this.#chance[context] = bit ? p - ((p * RATES[n]) >>> 16) : p + (((65535 - p) * RATES[n]) >>> 16);
    if (n < RATES.length - 1) this.#seen[context]++;
  }

  #shift() {
    if (this.#low < 0xff000000 || this.#low >= 2 ** 32) {
      const carry = this.#low >= 2 ** 32 ? 1 : 0;
      if (this.#held >= 0) this.#out.push((this.#held + carry) & 255);
      for (; this.#more > 0; this.#more--) this.#out.push((255 + carry) & 255);
      this.#held = Math.floor(this.#low / 2 ** 24) & 255;
    } else this.#more++;
    this.#low = (this.#low % 2 ** 24) * 256;
  }

  number(value, contexts) {
    const bits = 31 - Math.clz32(value);
    for (let i = 0; i < bits; i++) this.bit(1, contexts + i);
    this.bit(0, contexts + bits);
    for (let i = bits - 1; i >= 0; i--) this.bit((value >> i) & 1, contexts + contextOf(value >> (i + 1), bits, i));
  }

  /** Bytes so far, about. */
  get length() {
    return this.#out.length + this.#more;
  }

  bytes() {
    for (let i = 0; i < 5; i++) this.#shift();
    return Uint8Array.from(this.#out);
  }

  /** What a zero and a one have cost in each context, in bits, on the mean. */
  prices() {
    const prices = [new Float32Array(ALL), new Float32Array(ALL)];
    for (let context = 0; context < ALL; context++) {
      const [zeros, ones] = this.#counts.map((counts) => counts[context] + 0.4);
      prices[0][context] = Math.log2((zeros + ones) / zeros);
      prices[1][context] = Math.log2((zeros + ones) / ones);
    }
    return prices;
  }
}

/** The context of bit i of a number whose higher bits are `value`. */
const contextOf = (value, bits, i) => (value < 8 ? 32 + 8 * bits + value : 288 + 32 * bits + i);

/** Writes ways: lists of length and distance, a distance of 0 being a literal. */
class Writer {
  coder = new Coder();
  after = 0;
  last = 0;
  #at = 0;
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  follow(way) {
    const { coder } = this;
    const bytes = this.#bytes;
    for (const [length, distance] of way) {
      const at = this.#at;
      const { after, last } = this;
      const before = at > 0 ? bytes[at - 1] : 0;
      coder.bit(distance ? 1 : 0, COPY + after, COPY_AFTER + 256 * after + before);
      if (!distance) {
        const literal = LITERAL + ((before >> 4) << 8);
        const beside = after ? BESIDE + (bytes[at - last] << 8) : literal;
        for (let value = bytes[at] | 256, i = 7; i >= 0; i--)
          coder.bit((value >> i) & 1, literal + (value >> (i + 1)), beside + (value >> (i + 1)));
        this.after = after === 2 ? 1 : 0;
      } else {
        coder.bit(distance === last ? 1 : 0, AGAIN + after);
        if (distance === last) coder.number(length, LENGTH_AGAIN);
        else {
          coder.number(length - 1, LENGTH);
          coder.number(distance, DISTANCE + NUMBER * Math.min(length - 2, 3));
        }
        this.after = 2;
        this.last = distance;
      }
      this.#at += length;
    }
  }
}

/** For each place the copies that begin there, each longer and from farther away than the one before: length, distance, length, distance … */
function copiesIn(bytes) {
  const latest = new Int32Array(65536).fill(-1);
  const earlier = new Int32Array(bytes.length).fill(-1);
  const copies = [];
  for (let at = 0; at < bytes.length; at++) {
    const found = [];
    copies.push(found);
    if (at + 1 >= bytes.length) continue;
    const two = (bytes[at] << 8) | bytes[at + 1];
    let longest = 1;
    for (let from = latest[two], tries = TRIES; from >= 0 && tries > 0; from = earlier[from], tries--) {
      if (bytes[from + longest] !== bytes[at + longest]) continue;
      const length = sameBytes(bytes, from, at);
      if (length <= longest) continue;
      found.push(length, at - from);
      longest = length;
      if (at + longest === bytes.length) break;
    }
    earlier[at] = latest[two];
    latest[two] = at;
  }
  return copies;
}

function sameBytes(bytes, from, at) {
  let length = 0;
  while (at + length < bytes.length && bytes[from + length] === bytes[at + length]) length++;
  return length;
}

function greedy(bytes, copies, from) {
  const way = [];
  for (let at = from; at < bytes.length; ) {
    const [length = 1, distance = 0] = copies[at].slice(-2);
    way.push(length > 3 ? [length, distance] : [1, 0]);
    at += length > 3 ? length : 1;
  }
  return way;
}

/** The way of the least price from `from` to the end. To a place there are three ways that are kept, one for each `after`. @param begin a writer that is there */
function cheapest(bytes, copies, [zero, one], from, begin) {
  const n = bytes.length;
  const states = 3 * (n + 1);
  const cost = new Float64Array(states).fill(Infinity);
  const last = new Int32Array(states);
  /** The step that leads here: its length, its distance, and `after` before it. */
  const lengths = new Int32Array(states);
  const distances = new Int32Array(states);
  const origins = new Uint8Array(states);
  cost[3 * from + begin.after] = 0;
  last[3 * from + begin.after] = begin.last;
  const price = (bit, context, other = context) => {
    const prices = bit ? one : zero;
    return context === other ? prices[context] : (prices[context] + prices[other]) / 2;
  };
  const numbers = new Map();
  const number = (value, contexts) => {
    const key = contexts * 2 ** 24 + value;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const bits = 31 - Math.clz32(value);
    let sum = zero[contexts + bits];
    for (let i = 0; i < bits; i++) sum += one[contexts + i];
    for (let i = bits - 1; i >= 0; i--) sum += price((value >> i) & 1, contexts + contextOf(value >> (i + 1), bits, i));
    numbers.set(key, sum);
    return sum;
  };
  const step = (to, total, length, distance, origin, lastDistance) => {
    if (total >= cost[to]) return;
    cost[to] = total;
    lengths[to] = length;
    distances[to] = distance;
    origins[to] = origin;
    last[to] = lastDistance;
  };
  for (let at = from; at < n; at++) {
    const before = at > 0 ? bytes[at - 1] : 0;
    const literal = LITERAL + ((before >> 4) << 8);
    for (let after = 0; after < 3; after++) {
      const here = 3 * at + after;
      if (cost[here] === Infinity) continue;
      const distance = last[here];
      const beside = after && distance ? BESIDE + (bytes[at - distance] << 8) : literal;
      let total = cost[here] + price(0, COPY + after, COPY_AFTER + 256 * after + before);
      for (let value = bytes[at] | 256, i = 7; i >= 0; i--)
        total += price((value >> i) & 1, literal + (value >> (i + 1)), beside + (value >> (i + 1)));
      step(3 * (at + 1) + (after === 2 ? 1 : 0), total, 1, 0, after, distance);
      const copy = cost[here] + price(1, COPY + after, COPY_AFTER + 256 * after + before);
      if (distance > 0) {
        const most = sameBytes(bytes, at - distance, at);
        const start = copy + one[AGAIN + after];
        for (let length = most > LONG ? most : 1; length <= most; length++)
          step(3 * (at + length) + 2, start + number(length, LENGTH_AGAIN), length, distance, after, distance);
      }
      const start = copy + zero[AGAIN + after];
      const found = copies[at];
      for (let i = 0, shortest = 2; i < found.length; i += 2) {
        const [most, back] = [found[i], found[i + 1]];
        for (let length = most > LONG ? most : shortest; length <= most; length++) {
          const told = number(length - 1, LENGTH) + number(back, DISTANCE + NUMBER * Math.min(length - 2, 3));
          if (back !== distance) step(3 * (at + length) + 2, start + told, length, back, after, back);
        }
        shortest = most + 1;
      }
    }
  }
  const way = [];
  let after = [0, 1, 2].reduce((best, a) => (cost[3 * n + a] < cost[3 * n + best] ? a : best), 0);
  for (let at = n; at > from; ) {
    const here = 3 * at + after;
    way.push([lengths[here], distances[here]]);
    at -= lengths[here];
    after = origins[here];
  }
  return way.reverse();
}
