/**
 * The k greatest of each row of x [T, V], descending, the lower index first among equals: ids (i32 [T, k]), values [T, k]. NaN is below -∞.
 *
 * The k best so far stand in ids and values as a heap whose root is the worst of them; whatever beats the root takes its place. A last step sorts
 * the heap. O(V + c·log k) with c the times that the root was beaten.
 * Lanes: four neighbours are held against the root at once, and looked at singly only if one may beat it. Alignment: 4 bytes.
 */
export function topk(ids: usize, values: usize, x: usize, T: i32, V: i32, k: i32): void {
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < k; i++) put(ids, values, i, i, get(x, i));
    for (let i = (k >> 1) - 1; i >= 0; i--) sink(ids, values, i, k);
    let i = k;
    for (; i <= V - 4; i += 4) {
      const worst = v128.load32_splat(values);
      // Not (x ≤ worst): true also where one of the two is NaN.
      if (v128.any_true(v128.not(f32x4.le(v128.load(x + ((<usize>i) << 2)), worst)))) {
        for (let j = i; j < i + 4; j++) offer(ids, values, k, j, get(x, j));
      }
    }
    for (; i < V; i++) offer(ids, values, k, i, get(x, i));
    for (let n = k - 1; n > 0; n--) {
      const id = load<i32>(ids);
      const value = load<f32>(values);
      put(ids, values, 0, load<i32>(ids + ((<usize>n) << 2)), get(values, n));
      put(ids, values, n, id, value);
      sink(ids, values, 0, n);
    }
    x += (<usize>V) << 2;
    ids += (<usize>k) << 2;
    values += (<usize>k) << 2;
  }
}

/** Puts a new element in the root's place if it beats the root. It comes later than all in the heap: among equals it does not. */
// @ts-ignore: decorator
@inline
function offer(ids: usize, values: usize, k: i32, id: i32, value: f32): void {
  if (greater(value, load<f32>(values))) {
    put(ids, values, 0, id, value);
    sink(ids, values, 0, k);
  }
}

/** Moves the element at i down until both its children are better than it, in a heap of n. */
function sink(ids: usize, values: usize, i: i32, n: i32): void {
  const id = load<i32>(ids + ((<usize>i) << 2));
  const value = get(values, i);
  while (true) {
    let child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && worse(ids, values, child + 1, getId(ids, child), get(values, child))) child++;
    if (!worse(ids, values, child, id, value)) break;
    put(ids, values, i, getId(ids, child), get(values, child));
    i = child;
  }
  put(ids, values, i, id, value);
}

/** Whether element i of the heap ranks after (id, value). */
// @ts-ignore: decorator
@inline
function worse(ids: usize, values: usize, i: i32, id: i32, value: f32): bool {
  const v = get(values, i);
  return greater(value, v) || (!greater(v, value) && getId(ids, i) > id);
}

/** a > b, where NaN is below everything else. */
// @ts-ignore: decorator
@inline
function greater(a: f32, b: f32): bool {
  return a > b || (b != b && a == a);
}

// @ts-ignore: decorator
@inline
function get(values: usize, i: i32): f32 {
  return load<f32>(values + ((<usize>i) << 2));
}

// @ts-ignore: decorator
@inline
function getId(ids: usize, i: i32): i32 {
  return load<i32>(ids + ((<usize>i) << 2));
}

// @ts-ignore: decorator
@inline
function put(ids: usize, values: usize, i: i32, id: i32, value: f32): void {
  store<i32>(ids + ((<usize>i) << 2), id);
  store<f32>(values + ((<usize>i) << 2), value);
}
