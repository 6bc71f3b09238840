import type { CowNode } from "@aspace/vm";
import { slotKind, SlotKind, slotPage, slotReference } from "@aspace/vm";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/**
 * The state of a world as text, for those who visit every state of a small one: two worlds that read alike do alike. What
 * only names things is named in the order in which it is met: nodes, frames, and the values that writers left.
 */
export function fingerprintOf(world: World): string {
  return new Fingerprint(world).text();
}

class Fingerprint {
  private readonly world: World;
  private readonly nodes = new Map<CowNode, number>();
  private readonly values = new Map<number, number>();

  constructor(world: World) {
    this.world = world;
  }

  text(): string {
    const { objects, actors, pins, lists, plan } = this.world;
    return JSON.stringify([
      objects.map((resident) => (resident === null ? null : this.ofObject(resident))),
      actors.map((actor) => {
        if (actor === null) return null;
        const { kind, request } = actor;
        return [kind, request.isOutstanding, request.status, request.page, request.count];
      }),
      pins.map((pin) => (pin === null ? null : [pin.page, pin.count])),
      lists.map((list) => list?.count),
      plan,
      this.world.system.pmm.isLow,
      [...this.world.residents].map((resident) => this.ofObject(resident)),
    ]);
  }

  private ofObject({ object, model, mapping }: Resident): unknown {
    return [
      this.ofNode(object.node),
      object.sliceOffset,
      object.sizePages,
      model.use,
      model.policy,
      model.lockState,
      model.lockCount,
      model.holders,
      model.children.size,
      model.highMappings,
      model.node.isModified,
      mapping === null
        ? null
        : [...mapping.translations].map(([page, { isWritable }]) => [page, isWritable]),
    ];
  }

  /** A node, and what it hangs from; only its name when it was met before. */
  private ofNode(node: CowNode): unknown {
    const known = this.nodes.get(node);
    if (known !== undefined) return known;
    this.nodes.set(node, this.nodes.size);
    const slots = [];
    for (let page = 0; page < node.sizePages; page++) slots.push(this.ofSlot(node, page));
    const { source } = node;
    const asked =
      source === null
        ? null
        : [source.isDetached, source.outstanding(0), source.outstanding(1)].map(asText);
    return [
      node.sizePages,
      node.isHidden,
      slots,
      node.parentOffset,
      node.parentLimit,
      node.highPriorityCount,
      asked,
      node.parent === null ? null : this.ofNode(node.parent),
    ];
  }

  private ofSlot(node: CowNode, page: number): unknown {
    const slot = node.get(page);
    const kind = slotKind(slot);
    const value = this.nameOf(this.world.onlooker.valueInSlot(slot));
    const { pages } = this.world.system.pmm;
    if (kind === SlotKind.REFERENCE) {
      return [kind, value, this.world.system.compressor.shareCount(slotReference(slot))];
    }
    if (kind !== SlotKind.PAGE) return slot;
    const frame = slotPage(slot);
    const facts = [
      pages.shareCount,
      pages.pinCount,
      pages.dirtyState,
      pages.queue,
      pages.alwaysNeed,
    ];
    return [kind, value, ...facts.map((fact) => fact[frame])];
  }

  /** Zero is zero; whoever wrote something else, it is only told apart from others. */
  private nameOf(value: number): number {
    if (value === 0) return 0;
    const known = this.values.get(value);
    if (known !== undefined) return known;
    this.values.set(value, this.values.size + 1);
    return this.values.size;
  }
}

function asText(
  asked:
    | boolean
    | readonly { readonly page: number; readonly count: number; readonly pending: number }[],
): unknown {
  if (typeof asked === "boolean") return asked;
  return asked.map(({ page, count, pending }) => [page, count, pending]);
}
