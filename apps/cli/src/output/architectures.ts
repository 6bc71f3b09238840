/** ` on x86-64 and arm64`, or nothing for what runs on no architecture. */
export function onArchitectures(names: readonly string[]): string {
  return names.length === 0 ? "" : ` on ${names.join(" and ")}`;
}
