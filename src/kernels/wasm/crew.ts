import { JOB, perform } from "./job";

// A leader and its helpers share the units of one job at a time. All words are in the arena's first page:
//
//     TICKET   i64   number of the job (upper half) and units that nobody has claimed yet (lower half)
//     DONE     i32   units that helpers have finished; WAITS i32: 1 while the leader sleeps until there are more
//     SLEEPERS i32   helpers that sleep until there is a job
//     MOVE     i32   0: helpers stay; j + 1: the leader is in arena j now; -1: helpers are to leave
//     FAILED   i32   1: a helper has failed, and what it had claimed will not be finished
//
// A thread claims units by one compare-and-exchange of the whole ticket. The number in it makes sure that the job is still the one whose size the
// thread has read; while units of it are unclaimed or being worked on, the leader writes no other. Nobody waits for a helper that has claimed nothing.

const TICKET: usize = 64;
const DONE: usize = 128;
const WAITS: usize = 132;
const SLEEPERS: usize = 192;
const MOVE: usize = 256;
const FAILED: usize = 260;
/** Where the ticket's number lies, which sleepers wait on. */
const NUMBER: usize = TICKET + 4;

/** How often a helper looks for a job before it sleeps: some 50 µs. The leader's own work between two jobs takes less. */
const LOOKS: i32 = 20000;
/** The same of the leader, for the last results of a job: to fall asleep and be woken takes it longer than most of them do. */
const PATIENCE: i32 = 10 * LOOKS;

/**
 * Claims units of the job that is there: five sixths of an even share of what is left, but no fewer than a grain. The first claims are thus nearly
 * all of a job, read in one go, and what is left evens out who came late or was held up. Returns where they begin and how many they are, in the two
 * halves; 0 if there are none.
 */
function claim(): u64 {
  for (;;) {
    const ticket = atomic.load<u64>(TICKET);
    const left = <i32>ticket;
    if (left == 0) return 0;
    const units = load<i32>(JOB, 4);
    const grain = load<i32>(JOB, 8);
    const share = <i32>((5 * <u64>left) / (6 * <u64>load<u32>(JOB, 12)));
    const some = min(left, max(grain, share - (share % grain)));
    if (atomic.cmpxchg<u64>(TICKET, ticket, ticket - <u64>some) != ticket) continue;
    return (<u64>(units - left) << 32) | <u64>some;
  }
}

/**
 * Does the job that was written, with whoever helps.
 * @returns units that helpers have claimed and not finished after a while: {@link join} waits for them; 0 mostly
 */
export function lead(scratch: usize): i32 {
  const units = load<i32>(JOB, 4);
  atomic.store<i32>(DONE, 0);
  announce(units);
  let theirs = units;
  for (let claimed = claim(); claimed != 0; claimed = claim()) {
    const begin = <i32>(claimed >> 32);
    perform(begin, begin + <i32>claimed, scratch);
    theirs -= <i32>claimed;
  }
  for (let looks = PATIENCE; looks > 0; looks--) {
    if (atomic.load<i32>(DONE) == theirs) return 0;
  }
  return theirs;
}

/** Sleeps until helpers have finished `theirs` units, but no longer than so many milliseconds. @returns units that they have finished, or -1 if one has failed */
export function join(theirs: i32, milliseconds: i32): i32 {
  atomic.store<i32>(WAITS, 1);
  const done = atomic.load<i32>(DONE);
  if (done != theirs && atomic.load<i32>(FAILED) == 0) atomic.wait<i32>(DONE, done, <i64>milliseconds * 1000000);
  atomic.store<i32>(WAITS, 0);
  return atomic.load<i32>(FAILED) != 0 ? -1 : atomic.load<i32>(DONE);
}

/** A new number for the ticket, with so many units; whoever sleeps is woken. */
function announce(units: i32): void {
  const number = (atomic.load<u64>(TICKET) >> 32) + 1;
  atomic.store<u64>(TICKET, (number << 32) | <u64>units);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(NUMBER, -1);
}

/** The leader comes to this arena. */
export function arrive(): void {
  atomic.store<i32>(MOVE, 0);
}

/** The leader has gone to arena j (`move` = j + 1), or needs nobody any more (-1). */
export function leave(move: i32): void {
  atomic.store<i32>(MOVE, move);
  announce(0);
}

/** In a helper: does its share of jobs until the leader has left. @returns where the leader is: as MOVE */
export function help(scratch: usize): i32 {
  let move: i32 = 0;
  for (let looks = LOOKS; move == 0; looks--) {
    const claimed = claim();
    if (claimed != 0) {
      const begin = <i32>(claimed >> 32);
      perform(begin, begin + <i32>claimed, scratch);
      atomic.add<i32>(DONE, <i32>claimed);
      if (atomic.load<i32>(WAITS) != 0) atomic.notify(DONE, 1);
      looks = LOOKS;
      continue;
    }
    const ticket = atomic.load<u64>(TICKET);
    move = atomic.load<i32>(MOVE);
    if (looks > 0 || move != 0 || <i32>ticket != 0) continue;
    atomic.add<i32>(SLEEPERS, 1);
    atomic.wait<i32>(NUMBER, <i32>(ticket >> 32), -1);
    atomic.sub<i32>(SLEEPERS, 1);
    looks = LOOKS;
  }
  return move;
}
