import { describe, expect, test } from "vitest";
import { BASE, R, SmallAspace } from "../../test/small-aspace.ts";
import { Detail, dumpAspace } from "./aspace-dump.ts";
import { destroyAspace } from "./aspace-destroy.ts";
import { dumpMapping } from "./mapping-dump.ts";
import { protect } from "./mapping-protect.ts";

describe("dumps", () => {
  test("M-25: a mapping prints its extent, a line for each protection, and its object", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    object.setUserId(77);
    object.setName("a name that is longer than thirty-one characters");
    const mapping = world.map({ object, at: 0, count: 4, offset: 2 });
    protect(mapping, BASE + 1, 1, R);
    world.write(0, 1);
    expect(dumpMapping(mapping, 1)).toEqual([
      `  map ${mapping.id} [0x200000 0x203fff] sz 0x4000 state 1 mergeable false`,
      "     [0x200000 0x200fff] mmufl 0x1c",
      "     [0x201000 0x201fff] mmufl 0xc",
      "     [0x202000 0x203fff] mmufl 0x1c",
      `    vmo ${object.node.id}/k77 off 0x2000 bytes (4096/0) ref 2 'a name that is longer than thir'`,
    ]);
  });

  test("A-14: an aspace prints a line, or everything in it, and still prints when it is gone", () => {
    const world = new SmallAspace();
    const object = world.object(1);
    const region = world.region(0, 16);
    const mapping = world.map({ object, at: 4, count: 1, parent: region });
    const { id } = world.aspace;
    const header = `as ${id} [0x200000 0x101fffff] sz 0x10000000 typ 0 'test' destroyed`;
    expect(dumpAspace(world.aspace, Detail.BRIEF)).toEqual([`${header} 0`]);
    const lines = dumpAspace(world.aspace, Detail.VERBOSE);
    expect(lines[0]).toBe(`${header} 0`);
    expect(lines[1]).toMatch(/^ {2}vmar /);
    expect(lines[2]).toMatch(/^ {4}vmar .* 'sub'/);
    expect(lines[3]).toBe(
      `      map ${mapping.id} [0x204000 0x204fff] sz 0x1000 state 1 mergeable false`,
    );
    destroyAspace(world.aspace);
    expect(dumpAspace(world.aspace, Detail.VERBOSE)).toEqual([`${header} 1`]);
  });
});
