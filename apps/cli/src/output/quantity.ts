/** Numbers for people. */

/** All digits, in groups: 1,234,567. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1 run", "2 runs"; `plural` where an s is not enough. */
export function counted(value: number, noun: string, plural: string = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** Three digits and a magnitude, for numbers that move: 987, 45.2k, 1.23M. */
export function compact(value: number): string {
  if (value < 1000) return String(Math.round(value));
  const [divisor, suffix] = value < 999_500 ? [1e3, "k"] : [1e6, "M"];
  return `${(value / divisor).toPrecision(3)}${suffix}`;
}

export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const [divisor, unit] = bytes < 2 ** 20 ? [2 ** 10, "KiB"] : [2 ** 20, "MiB"];
  return `${(bytes / divisor).toFixed(1)} ${unit}`;
}

/** 12 s, 3 min 05 s, 2 h 07 min. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${twoDigits(Math.floor((whole % 3600) / 60))} min`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
