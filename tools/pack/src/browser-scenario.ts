/** One store through page tables of both architectures, one snapshot and what it keeps, as a module's text. */
export const SCENARIO = `
import { BACKENDS } from "@aspace/backends";
import { Kernel } from "@aspace/kernel";
import { CloneKind, complete, createObject } from "@aspace/vm";

export function run() {
  const told = BACKENDS.map((architecture) => {
    const kernel = new Kernel({ architecture, frameCount: 256 });
    const object = createObject(kernel.memory, { size: 8192n });
    const write = (bytes) => complete(object.write(0n, Uint8Array.of(...bytes)), () => {});
    write([1, 2, 3]);
    const snapshot = object.createClone({ kind: CloneKind.SNAPSHOT, offset: 0n, size: 8192n });
    write([9]);
    const kept = new Uint8Array(3);
    complete(snapshot.read(0n, kept), () => {});
    if (kept.join() !== "1,2,3") throw new Error("the snapshot changed: " + kept.join());
    kernel.validate([object.node]);
    return architecture.name;
  });
  return "passed on " + told.join(", ");
}
`;
