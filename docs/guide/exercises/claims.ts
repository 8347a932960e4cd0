/** What an exercise has to do, as the sentences that `npm run exercise` prints. E is its module: the stub, or a solution. */
export interface Claim<E> {
  claim: string;
  /** Throws where the claim does not hold. */
  check(exercise: E): void | Promise<void>;
}

export interface Exercise<E> {
  title: string;
  claims: readonly Claim<E>[];
}

/** What became of each claim: undefined where it holds, else what was wrong. */
export async function results<E>({ claims }: Exercise<E>, exercise: E): Promise<{ claim: string; wrong?: string }[]> {
  const all: { claim: string; wrong?: string }[] = [];
  for (const { claim, check } of claims) {
    try {
      await check(exercise);
      all.push({ claim });
    } catch (error) {
      all.push({ claim, wrong: (error as Error).message });
    }
  }
  return all;
}
