import type { ArchVmAspace, Architecture, Hardware } from "@aspace/arch";

/** What a lying aspace does instead of the real one. Called with the real aspace. */
export type AspaceLies = (real: ArchVmAspace, hardware: Hardware) => Partial<ArchVmAspace>;

/**
 * For tests of the oracles: a backend whose user and guest aspaces, or whose hardware, do not do what
 * they say. Everything that is not lied about goes to the real one.
 */
export function lyingBackend(
  base: Architecture,
  lies: AspaceLies,
  bendHardware: (hardware: Hardware) => Hardware = (hardware) => hardware,
): Architecture {
  return {
    ...base,
    boot: (given, options) => {
      const hardware = bendHardware(given);
      const system = base.boot(hardware, options);
      const realOf = new WeakMap<ArchVmAspace, ArchVmAspace>();
      return {
        start: () => system.start(),
        get kernel() {
          return system.kernel;
        },
        createAspace: (kind) => {
          const real = system.createAspace(kind);
          const liar = lyingAspace(real, lies(real, hardware));
          realOf.set(liar, real);
          return liar;
        },
        contextSwitch: (cpu, to) => {
          system.contextSwitch(cpu, to === null ? null : (realOf.get(to) ?? to));
        },
      };
    },
  };
}

function lyingAspace(real: ArchVmAspace, lies: Partial<ArchVmAspace>): ArchVmAspace {
  return new Proxy(real, {
    get: (_, name) => {
      const own = Reflect.get(name in lies ? lies : real, name) as unknown;
      return typeof own === "function" && !(name in lies) ? own.bind(real) : own;
    },
  });
}
