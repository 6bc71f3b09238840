export { bench } from "./bench.ts";
export { formatReport, type Host, type Report, type ReportRow } from "./report.ts";
export { GROUPS, type Group } from "./row.ts";
