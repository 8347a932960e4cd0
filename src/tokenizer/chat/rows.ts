import { type Condition, type Node, ROLE, Unreadable } from "./template.ts";

/** One case of a part of a template: the text that it writes when all conditions hold and no row before it does. */
export interface Row {
  when: Condition[];
  text: string;
}

/** What is asked of a table: a message, or the end of a conversation. */
export interface Facts {
  role?: string;
  lastRole?: string;
  content?: boolean;
  tools?: boolean;
  prompt?: boolean;
}

const MAX_ROWS = 64;

/** The rows of nodes that hold no loop: branches are multiplied out, in the order in which the template tries them. */
export function rowsOf(nodes: readonly Node[]): Row[] {
  let rows: Row[] = [{ when: [], text: "" }];
  for (const node of nodes) {
    if (typeof node === "string") {
      for (const row of rows) row.text += node;
      continue;
    }
    if ("loop" in node) throw new Unreadable("a loop inside another part");
    const cases = node.branches.flatMap(({ when, nodes: inner }) =>
      rowsOf(inner).map((row) => ({ when: [...when, ...row.when], text: row.text })),
    );
    if (node.branches.at(-1)!.when.length > 0) cases.push({ when: [], text: "" });
    rows = rows.flatMap((row) => cases.map((one) => ({ when: [...row.when, ...one.when], text: row.text + one.text })));
    if (rows.length > MAX_ROWS) throw new Unreadable("too many cases");
  }
  return rows;
}

function holds(condition: Condition, facts: Facts): boolean {
  switch (condition.about) {
    case "role":
      return (facts.role === condition.is) !== condition.not;
    case "last role":
      return (facts.lastRole === condition.is) !== condition.not;
    default:
      return (facts[condition.about] ?? false) !== condition.not;
  }
}

/** The text that a table writes under these facts, with the role written in. */
export function textFor(rows: readonly Row[], facts: Facts): string {
  const row = rows.find(({ when }) => when.every((condition) => holds(condition, facts)));
  return (row?.text ?? "").replaceAll(ROLE, facts.role ?? ROLE);
}

/** The names of roles that the conditions of a table mention. */
export function namesIn(rows: readonly Row[], about: "role" | "last role"): string[] {
  const names = rows.flatMap(({ when }) => when.flatMap((c) => (c.about === about ? [c.is] : [])));
  return [...new Set(names)];
}
