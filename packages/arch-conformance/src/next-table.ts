import { checkEqual, checkThat } from "./check.ts";
import { EVERY_KIND, type Property } from "./property.ts";
import { RW, userOf } from "./touch.ts";

/** Fault-ahead: how far a fault may map ahead without needing another table. */
export const NEXT_TABLE: Property = {
  id: "P-X2",
  title:
    "nextUserPageTableVpn is the first page of the next leaf table: filling up to it costs none",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const flags = RW | userOf(subject);
    for (const at of [0, 1, tableSpan - 1, tableSpan, 3 * tableSpan + 5]) {
      const vpn = origin + at;
      const next = subject.aspace.nextUserPageTableVpn(vpn);
      checkThat(`nextUserPageTableVpn(+${at}) to be above it`, next > vpn);
      checkEqual(`nextUserPageTableVpn(+${at}) mod ${tableSpan}`, 0, next % tableSpan);
      checkThat("no table skipped", next - vpn <= tableSpan);
      subject.map(vpn, world.pages(1), flags);
      const attempts = world.meter.attempts;
      if (next > vpn + 1) subject.map(vpn + 1, world.pages(next - vpn - 1), flags);
      checkEqual("allocations", attempts, world.meter.attempts);
      checkEqual("pickSpot", vpn, subject.aspace.pickSpot(vpn));
      subject.clear();
    }
  },
};
