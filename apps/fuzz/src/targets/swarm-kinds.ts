/**
 * The kind of each opcode when some kinds are off (F-7): a kind that is off gives way to the next that is on, and
 * nothing is off when all would be.
 *
 * @param opcodes For each opcode, the index of its kind.
 */
export function kindsUnder<K>(
  kinds: readonly K[],
  opcodes: Uint8Array,
  isOff: (kind: number) => boolean,
): readonly K[] {
  if (kinds.every((_, kind) => isOff(kind))) return Array.from(opcodes, (kind) => kinds[kind]!);
  const successors = kinds.map((_, kind) => {
    let on = kind;
    while (isOff(on)) on = (on + 1) % kinds.length;
    return kinds[on]!;
  });
  return Array.from(opcodes, (kind) => successors[kind]!);
}
