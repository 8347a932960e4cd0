import { KVTable } from "../../src/generate/kv-table.ts";
import { PrefixCache } from "../../src/generate/prefix-cache.ts";
import { KVPool } from "../../src/model/kv-cache.ts";
import { suite } from "../harness.ts";

/** A pool of 8 blocks and a cache that keeps rows of `n` tokens, all different from those of another `kind`. */
function setup() {
  const pool = new KVPool(8);
  const cache = new PrefixCache((block) => pool.drop(block));
  const tokens = (n: number, kind: number) => Array.from({ length: n }, (_, i) => kind * 1000 + i);
  const keep = (n: number, kind: number, regime: "short" | "long" = "short") => {
    const kv = new KVTable(pool);
    kv.grow(n, () => {});
    kv.length = n;
    kv.regime = regime;
    cache.keep(tokens(n, kind), kv);
    return kv;
  };
  const length = (n: number, kind: number, limit = n, regime: "short" | "long" = "short") =>
    cache.find(tokens(n, kind), limit, regime).length;
  return { pool, cache, keep, length, tokens };
}

suite("generate/prefix-cache", ({ test, assert }) => {
  test("what is kept is found to the token, up to the limit, in its own regime", () => {
    const { keep, length } = setup();
    const kv = keep(40, 1);
    assert.deepEqual([kv.length, kv.blocks.length], [0, 0], "the table gave its blocks away");
    assert.deepEqual([length(40, 1), length(100, 1), length(33, 1), length(40, 1, 39)], [40, 40, 33, 39]);
    assert.deepEqual([length(40, 2), length(40, 1, 40, "long")], [0, 0]);
    keep(20, 1, "long");
    assert.deepEqual([length(40, 1), length(40, 1, 40, "long")], [40, 20]);
  });

  test("what was computed with adapters is found with the same ones only, and neither gives way to nor stands for that of others", () => {
    const { pool, cache, tokens } = setup();
    const keep = (n: number, mix: string) => {
      const kv = new KVTable(pool, mix);
      kv.grow(n, () => {});
      kv.length = n;
      cache.keep(tokens(n, 1), kv);
    };
    const length = (mix?: string) => cache.find(tokens(100, 1), 100, "short", mix).length;
    keep(40, "");
    keep(64, "0*1");
    keep(20, "0*0.5");
    assert.deepEqual([length(), length(""), length("0*1"), length("0*0.5"), length("1*1")], [40, 40, 64, 20, 0]);
    keep(70, "0*0.5");
    assert.deepEqual([length(), length("0*1"), length("0*0.5")], [40, 64, 70]);
    assert.equal(pool.freeBlocks, 8 - 2 - 2 - 3);
  });

  test("an entry gives way to a longer one with the same beginning, and a shorter one is not kept", () => {
    const { pool, keep, length } = setup();
    keep(40, 1);
    keep(70, 1);
    assert.equal(pool.freeBlocks, 5);
    keep(33, 1);
    assert.equal(pool.freeBlocks, 5);
    assert.equal(length(70, 1), 70);
    keep(0, 1);
    assert.equal(pool.freeBlocks, 5);
  });

  test("the least recently used entry gives its blocks first, from its end; finding or keeping again is using", () => {
    const { pool, cache, keep, length } = setup();
    keep(64, 1);
    keep(64, 2);
    keep(40, 3);
    length(64, 1); // used now: 2 is the oldest
    keep(20, 2); // known, and used
    assert.ok(cache.evict());
    assert.deepEqual([pool.freeBlocks, length(40, 3)], [3, 32], "3 was the oldest");
    assert.ok(cache.evict());
    assert.deepEqual([length(64, 1), length(64, 2)], [32, 64], "then 1, for 3 was looked up last");
    cache.clear();
    assert.equal(pool.freeBlocks, 8);
    assert.equal(cache.evict(), false);
    assert.equal(length(64, 2), 0);
  });

  test("blocks with other owners stay theirs when the cache gives them up", () => {
    const { pool, cache, keep, tokens } = setup();
    keep(64, 1);
    const kv = new KVTable(pool);
    const match = cache.find(tokens(50, 1), 50, "short");
    kv.share(match.blocks, match.length, "short");
    cache.clear();
    assert.equal(pool.freeBlocks, 6);
    assert.equal(kv.sharedTail, undefined);
    kv.trim(0);
    assert.equal(pool.freeBlocks, 8);
  });
});
