import { KernelPanic, Status } from "@aspace/arch";
import { destroyLocked } from "./region-destroy.ts";
import type { VmAspace } from "./vm-aspace.ts";

/**
 * Ends everything in an aspace (A-10): first the claim of the vDSO, which nothing else may end, then the
 * regions, then the page tables' right to change. Repeatable. What destroying the regions answers,
 * unless that is BAD_STATE: then they are gone already.
 */
export function destroyAspace(aspace: VmAspace): Status {
  aspace.lock.acquire();
  try {
    if (aspace.isDestroyed) return Status.OK;
    aspace.vdsoCodeMapping = null;
    const { root } = aspace;
    if (root !== null && root.isAlive) {
      const status = destroyLocked(root);
      if (status !== Status.OK && status !== Status.BAD_STATE) return status;
    }
    aspace.isDestroyed = true;
    aspace.root = null;
    aspace.lastFault = null;
    aspace.arch.disableUpdates();
    return Status.OK;
  } finally {
    aspace.lock.release();
  }
}

/** The last holder lets go of a destroyed aspace: it leaves the list, and its page tables go. */
export function freeAspace(aspace: VmAspace): void {
  const { system } = aspace;
  if (!aspace.isDestroyed) throw new KernelPanic("A-10", `aspace ${aspace.id} was not destroyed`);
  if (aspace.highPriorityCount !== 0) {
    throw new KernelPanic("I-28", `aspace ${aspace.id} ends with high priority`);
  }
  system.listLock.acquire();
  system.aspaces.delete(aspace);
  system.listLock.release();
  aspace.arch.destroy();
}
