/** Objects on bare nodes, and mappings that write down what they are told. */
import type { CowNode } from "../src/objects/cow-node.ts";
import type { ObjectMapping } from "../src/objects/object-mapping.ts";
import { CachePolicy, ChildType } from "../src/objects/vm-object.ts";
import { VmObjectPaged, type VmObjectPagedOptions } from "../src/objects/vm-object-paged.ts";

/** A mapping of a whole object. `events` are lines like `unmap 2+1`: the first page, and how many. */
export class RecordingMapping implements ObjectMapping {
  readonly aspaceIdentity: object = {};
  readonly isInUserAspace = true;
  events: string[] = [];
  /** Called with each event, before it is over. */
  onEvent: (event: string) => void = () => {};

  aspaceUnmapLockedObject(page: number, count: number): void {
    this.record(`unmap ${page}+${count}`);
  }

  aspaceRemoveWriteLockedObject(page: number, count: number): void {
    this.record(`remove write ${page}+${count}`);
  }

  aspaceDebugUnpinLockedObject(page: number, count: number): void {
    this.record(`unpin ${page}+${count}`);
  }

  private record(event: string): void {
    this.events.push(event);
    this.onEvent(event);
  }
}

/** Makes an object the owner of a node. */
export function objectOn(
  node: CowNode,
  options: Partial<VmObjectPagedOptions> = {},
): VmObjectPaged {
  return new VmObjectPaged({
    node,
    childType: ChildType.NOT_CHILD,
    parent: null,
    policy: CachePolicy.CACHED,
    isResizable: false,
    ...options,
  });
}

/** Maps a node, which gets an object if it has none. */
export function recordMapping(node: CowNode): RecordingMapping {
  const mapping = new RecordingMapping();
  const object = node.object ?? objectOn(node);
  object.mappings.add(mapping);
  return mapping;
}
