import type {
  Compression,
  SpliceList,
  UserPager,
  VmAddressRegion,
  VmAspace,
  VmMapping,
  VmObject,
} from "@aspace/vm";
import { Unplayable } from "./unplayable.ts";

/** What a trace can give a name to. */
interface Resources {
  readonly vmo: VmObject;
  readonly pager: UserPager;
  readonly list: SpliceList;
  readonly compression: Compression;
  readonly aspace: VmAspace;
  readonly vmar: VmAddressRegion;
  readonly mapping: VmMapping;
}

export type ResourceKind = keyof Resources;

type Named = {
  readonly [K in ResourceKind]: { readonly kind: K; readonly value: Resources[K] };
}[ResourceKind];

/** Names of a trace, all in one space. What failed to be made has none. */
export class Names {
  private readonly named = new Map<string, Named>();
  /** By name, the page at which a region or mapping began; it stays when that moves or ends. */
  private readonly beginnings = new Map<string, number>();
  /** By name of an address space, its root region, also when that is gone. */
  private readonly roots = new Map<string, VmAddressRegion>();

  define(name: string, named: Named): void {
    this.assertFree(name);
    this.named.set(name, named);
    if (named.kind === "aspace") this.roots.set(name, named.value.root!);
    if (named.kind === "aspace" || named.kind === "vmar" || named.kind === "mapping") {
      this.beginnings.set(name, named.value.base);
    }
  }

  assertFree(name: string): void {
    const found = this.named.get(name);
    if (found !== undefined) throw new Unplayable(`as: '${name}' is a ${found.kind} already`);
  }

  find<K extends ResourceKind>(kind: K, name: string): Resources[K] {
    const found = this.named.get(name);
    if (found === undefined) throw new Unplayable(`${kind}: nothing is named '${name}' here`);
    if (found.kind !== kind) throw new Unplayable(`${kind}: '${name}' is a ${found.kind}`);
    return found.value as Resources[K];
  }

  /** A region, which may be the root of an address space. */
  findRegion(name: string): VmAddressRegion {
    return this.roots.get(name) ?? this.find("vmar", name);
  }

  /** Frees a name; the place that it stood for is remembered. */
  forget(name: string): void {
    this.named.delete(name);
    this.roots.delete(name);
  }

  beginningOf(name: string): number {
    const page = this.beginnings.get(name);
    if (page === undefined) throw new Unplayable(`at: '${name}' is no region or mapping`);
    return page;
  }

  nameOf(value: object): string | null {
    for (const [name, named] of this.named) if (named.value === value) return name;
    return null;
  }
}
